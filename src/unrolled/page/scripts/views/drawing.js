// The pictures of a trace on a canvas: the curve, the words under it, the heat map.
//
// A frame: {context, palette, timeline, steps, gutter, width, scroll, first, last}. Only the steps
// from first to last are seen and drawn, so that a text of any length costs the same.

const LABEL_MOST = 92; // pixels of the longest word under the curve

function across(frame, distance) {
  return frame.gutter + distance - frame.scroll;
}

// Draw inside the part of the canvas that moves, right of the gutter.
function clipped(frame, top, height, draw) {
  const { context, gutter, width } = frame;
  context.save();
  context.beginPath();
  context.rect(gutter, top, width - gutter, height);
  context.clip();
  draw();
  context.restore();
}

export function drawCurve(frame, top, height) {
  const { context, palette, steps } = frame;
  const { explanation, classIndex } = steps;
  const down = (probability) => top + (1 - probability) * height;
  const middle = explanation.classes.length === 2 || explanation.multi_label ? 0.5 : 0;
  context.font = `11px ${palette.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const level of [0, 0.5, 1]) {
    context.fillStyle = palette.rule;
    context.fillRect(frame.gutter, Math.round(down(level)), frame.width - frame.gutter, 1);
    context.fillStyle = palette.faint;
    context.fillText(`${level * 100} %`, frame.gutter - 6, down(level));
  }
  clipped(frame, top - 4, height + 8, () => {
    if (explanation.classes.length > 2) {
      context.strokeStyle = palette.rule;
      context.lineWidth = 1.5;
      explanation.classes.forEach((_, index) => {
        if (index !== classIndex) strokePath(frame, down, index);
      });
    }
    fillSides(frame, down, middle);
    context.strokeStyle = palette.ink;
    context.lineWidth = 2;
    strokePath(frame, down, classIndex);
  });
}

// The path of one class's probability through the steps that are seen, from before the first.
function tracePath(frame, down, index) {
  const { context, timeline, steps } = frame;
  const { before, after } = steps.explanation;
  const from = Math.max(0, frame.first - 1);
  context.beginPath();
  if (frame.first === 0) context.moveTo(across(frame, 0), down(before[index]));
  else context.moveTo(across(frame, timeline.middle(from)), down(after[from][index]));
  const to = Math.min(steps.count - 1, frame.last + 1);
  for (let step = from; step <= to; step += 1) {
    context.lineTo(across(frame, timeline.middle(step)), down(after[step][index]));
  }
  return { left: frame.first === 0 ? 0 : timeline.middle(from), right: timeline.middle(to) };
}

function strokePath(frame, down, index) {
  frame.context.lineJoin = "round";
  tracePath(frame, down, index);
  frame.context.stroke();
}

// Blue above the middle and orange below it.
function fillSides(frame, down, middle) {
  const { context, palette, steps } = frame;
  const sides = [
    [palette.towards, down(1), down(middle)],
    [palette.against, down(middle), down(0)],
  ];
  for (const [color, from, to] of sides) {
    context.save();
    context.beginPath();
    context.rect(frame.gutter, from, frame.width - frame.gutter, to - from);
    context.clip();
    const { left, right } = tracePath(frame, down, steps.classIndex);
    context.lineTo(across(frame, right), down(middle));
    context.lineTo(across(frame, left), down(middle));
    context.closePath();
    context.globalAlpha = 0.5;
    context.fillStyle = color;
    context.fill();
    context.restore();
  }
}

// Height that the words under the curve need: one line, or upright when they are wider than a step.
export function measureLabels(context, palette, timeline, steps) {
  context.font = `12px ${palette.font}`;
  let longest = 0;
  let upright = false;
  for (let step = 0; step < steps.count; step += 1) {
    if (steps.runOf(step)) continue;
    const width = context.measureText(steps.name(step)).width;
    upright ||= width > timeline.breadth(step) - 4;
    longest = Math.max(longest, width);
  }
  return { upright, height: upright ? Math.min(LABEL_MOST, longest) + 12 : 22 };
}

export function drawLabels(frame, top, { upright, height }, chosen) {
  const { context, palette, timeline, steps } = frame;
  clipped(frame, top, height, () => {
    context.textBaseline = "middle";
    for (let step = frame.first; step <= frame.last; step += 1) {
      if (steps.runOf(step)) continue;
      const middle = across(frame, timeline.middle(step));
      context.font = `${step === chosen ? "600 " : ""}12px ${palette.font}`;
      context.fillStyle = step === chosen || steps.explanation.kinds[step] === "word" ? palette.ink : palette.faint;
      if (upright) drawUpright(context, steps.name(step), middle, top + height - 6);
      else {
        context.textAlign = "center";
        context.fillText(steps.name(step), middle, top + height / 2);
      }
    }
    context.font = `12px ${palette.font}`;
    context.fillStyle = palette.faint;
    for (const run of steps.runs) drawRun(frame, run, top + height - 12);
  });
}

function drawUpright(context, text, left, bottom) {
  context.save();
  context.translate(left, bottom);
  context.rotate(-Math.PI / 2);
  context.textAlign = "left";
  context.fillText(text, 0, 0);
  context.restore();
}

function drawRun(frame, run, middle) {
  const { context, timeline } = frame;
  const text = `${run.to - run.from} × padding`;
  const left = timeline.start(run.from);
  const right = timeline.start(run.to);
  if (context.measureText(text).width > right - left) return;
  context.textAlign = "center";
  context.fillText(text, across(frame, (left + right) / 2), middle);
}

// states: (steps, units); largest: the value of the deepest colour.
export function drawStates(frame, top, { states, units, largest, row }) {
  const { context, palette, timeline } = frame;
  const count = frame.last - frame.first + 1;
  const cells = new ImageData(count, units);
  for (let step = frame.first; step <= frame.last; step += 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const shade = palette.shade(states[step][unit] / largest);
      const place = 4 * (unit * count + step - frame.first);
      cells.data.set(shade, place);
      cells.data[place + 3] = 255;
    }
  }
  const sheet = new OffscreenCanvas(count, units);
  sheet.getContext("2d").putImageData(cells, 0, 0);
  clipped(frame, top, units * row, () => {
    context.imageSmoothingEnabled = false;
    for (let step = frame.first; step <= frame.last; step += 1) {
      const left = Math.round(across(frame, timeline.start(step)));
      const right = Math.round(across(frame, timeline.start(step + 1)));
      const seam = right - left > 6 ? 1 : 0;
      context.drawImage(sheet, step - frame.first, 0, 1, units, left, top, right - left - seam, units * row);
    }
  });
  drawUnitNumbers(frame, top, units, row);
}

function drawUnitNumbers({ context, palette, gutter }, top, units, row) {
  context.font = `11px ${palette.font}`;
  context.fillStyle = palette.faint;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const stride = row >= 11 ? 1 : Math.ceil(22 / row);
  for (let unit = 0; unit < units; unit += stride) {
    context.fillText(String(unit), gutter - 6, top + (unit + 0.5) * row);
  }
}

// A column over the whole height, and in it the cell of one unit.
export function drawChoice(frame, step, { top, height, cell }) {
  const { context, palette, timeline } = frame;
  clipped(frame, 0, top + height + 2, () => {
    const left = Math.round(across(frame, timeline.start(step))) - 0.5;
    const breadth = Math.max(4, Math.round(timeline.breadth(step)));
    context.strokeStyle = palette.mark;
    context.lineWidth = 1.5;
    context.strokeRect(left, top, breadth, height);
    if (!cell) return;
    context.lineWidth = 2.5;
    context.strokeRect(left, cell.top, breadth, cell.row);
  });
}
