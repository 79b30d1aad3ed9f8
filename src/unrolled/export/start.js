// Unpacks the page's program, which lies in the page, and starts it.
//
// Packed it takes a third of the room. The page's policy lets nothing run but this script and, by
// its hash, that program.

function startProgram(source) {
  const program = document.createElement("script");
  program.type = "module";
  program.textContent = source;
  document.body.append(program);
}

if ("DecompressionStream" in window) {
  const text = atob(document.getElementById("program").textContent);
  const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  new Response(unpacked).text().then(startProgram);
} else {
  document.body.append("This page needs a browser of 2023 or later.");
}
