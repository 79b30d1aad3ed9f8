"""The page in a real browser, as `unrolled serve` gives it."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from unrolled import TextClassifier, load_recipe

from .browser import chromium, fresh_page
from .live_server import running
from .wire import eventually

GOOD = ["a good film", "good good story", "what a good story", "a wonderful film", "good and fun"]
BAD = ["a bad film", "bad bad story", "what a bad story", "a boring film", "bad and dull"]
NASTY_LABEL = "so <img src=x onerror='hacked=1'>"
MIXED = "the story is good but the end is bad"
ATTACK = "good <script>hacked=1</script> <img src=x onerror=hacked=1> bad"
READY = """() => document.querySelector('.reading') && [...document.querySelectorAll('.reading')]
    .every((reading) => reading.getAttribute('aria-busy') !== 'true'
        && reading.querySelector('.sums[aria-busy=false]'))"""


def fitted(folder, texts, labels, *settings, base="small"):
    recipe = load_recipe(
        base, ["text.min_count=1", "training.epochs=25", "training.batch_size=4", *settings]
    )
    return TextClassifier(recipe, threads=1).fit(texts, labels, out=folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One as the notebook's, with padding, and one of gates that reads both ways."""
    folder = tmp_path_factory.mktemp("models")
    labels = ["positive"] * len(GOOD) + ["negative"] * len(BAD)
    network = ["text.maxlen=20", "training.learning_rate=0.01"]
    plain = fitted(
        folder / "plain", (GOOD + BAD) * 3, labels * 3, *network, base="notebook-embedding"
    )
    three = [label for label in ["good", "bad", NASTY_LABEL] for _ in range(5)]
    gates = fitted(
        folder / "gates", GOOD + BAD + [f"{text} so so" for text in GOOD], three,
        "network.cell=gru", "network.bidirectional=concat", "network.window=1", "network.units=5",
        "network.input=embedding",
    )  # fmt: skip
    return SimpleNamespace(folder=folder, plain=plain, gates=gates)


@pytest.fixture(scope="module")
def browser():
    with chromium() as running_browser:
        yield running_browser


@pytest.fixture(scope="module")
def server(models):
    with running(models.folder / "plain", "--beside", str(models.folder / "gates")) as live:
        yield f"http://127.0.0.1:{live.port}/"


@pytest.fixture
def open_page(browser, server):
    """Opens pages; in the end nothing may have complained, or asked anybody else."""
    opened = []

    def open_one(address=server, **options):
        context = fresh_page(browser, **options)
        watched = context.__enter__()
        opened.append((context, watched, address))
        watched.page.goto(address)
        return watched.page

    yield open_one
    for context, watched, address in opened:
        context.__exit__(None, None, None)
        assert watched.complaints == []
        assert {url for url in watched.requests if not url.startswith(address)} <= {"data:,"}


def write(page, text):
    with explained(page, text):
        page.fill("#text", text)
    settle(page)


def explained(page, text):
    """Until this text has been answered; `settle` waits until that is seen."""
    return page.expect_response(
        lambda response: (
            response.url.endswith("/v1/explain") and response.request.post_data_json["text"] == text
        )
    )


def settle(page):
    """Until all is read, worked out and drawn."""
    page.wait_for_function(READY)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def number(text):
    return float(re.search(r"[+-]?[\d.]+", text.replace("−", "-"))[0])


def options_of(page):
    return page.locator(".words [role=option]")


def option(page, word):
    return page.locator(".words [role=option]").get_by_text(word, exact=True).first


# --- What is seen ---------------------------------------------------------------------------------


def test_typing_changes_the_answer_to_what_python_says(open_page, models):
    page = open_page()
    for text, label in (("a good story", "positive"), ("a bad story", "negative")):
        page.locator("#text").fill("")
        page.locator("#text").press_sequentially(text)
        expect(page.locator(".label")).to_have_text(label)
        settle(page)
        said = models.plain.explain(text)
        assert number(page.inner_text(".sure")) == pytest.approx(
            100 * said.to_dict()["probability"], abs=0.06
        )
        expect(page.locator(".answer [role=status]")).to_contain_text(f"plain: {label}")


def test_words_have_the_colour_of_their_importance(open_page, models):
    page = open_page()
    write(page, MIXED)
    document = models.plain.explain(MIXED).to_dict()
    assert document["tokens"][:3] == ["[padding]"] * 3
    folded = document["kinds"].count("padding")
    assert options_of(page).first.inner_text() == f"{folded} × padding"
    for method in ("deletion", "gradients"):
        page.locator(f".switch input[value={method}]").check(force=True)
        importance = document[method][folded:]
        found = options_of(page).evaluate_all(
            """(options) => options.slice(1).map((option) => ({
                text: option.textContent, label: option.getAttribute('aria-label'),
                title: option.title, background: getComputedStyle(option).backgroundColor}))"""
        )
        assert [each["text"] for each in found] == document["tokens"][folded:]
        painted = {}
        for each, value in zip(found, importance, strict=True):
            if value is None:
                continue
            assert number(each["label"].split(", ")[1]) == pytest.approx(value, abs=6e-5)
            assert number(each["title"]) == pytest.approx(value, abs=6e-5)
            if abs(value) > 0.03 * max(abs(v or 0) for v in importance):
                red, _, blue = [float(n) for n in re.findall(r"[\d.]+", each["background"])[:3]]
                assert (blue > red) == (value > 0), (method, each)
                painted[value > 0] = each["background"]
        assert len(painted) == 2
        assert painted[True] != painted[False]


def test_another_class_can_be_explained(open_page, models):
    page = open_page()
    write(page, MIXED)
    for label in ("negative", "positive"):
        page.get_by_label("Explain").select_option(label)
        settle(page)
        value = models.plain.explain(MIXED, label=label).to_dict()["deletion"]
        expect(page.locator(".legend").first).to_contain_text(f"towards {label}")
        said = option(page, "good").get_attribute("aria-label")
        place = models.plain.explain(MIXED).to_dict()["tokens"].index("good")
        assert number(said.split(", ")[1]) == pytest.approx(value[place], abs=6e-5)


def test_the_sums_of_a_step_add_up(open_page, models):
    page = open_page()
    write(page, MIXED)
    option(page, "good").click()
    for unit in (0, 3):
        page.get_by_label("Unit", exact=True).fill(str(unit))
        page.get_by_label("Unit", exact=True).press("Enter")
        settle(page)
        step = models.plain.explain(MIXED).to_dict()["tokens"].index("good")
        truth = models.plain.explain_step(MIXED, step=step, unit=unit).to_dict()["sums"][0]
        tiles = tiles_of(page.locator(".sum").first)
        keys = {
            "input": "input_total", "recurrent": "recurrent_total", "bias": "bias",
            "total": "total", "tanh(total)": "result",
        }  # fmt: skip
        for name, key in keys.items():
            assert tiles[name] == pytest.approx(truth[key], abs=6e-5)
        assert tiles["input"] + tiles["recurrent"] + tiles["bias"] == pytest.approx(
            tiles["total"], abs=3e-4
        )
        assert math.tanh(tiles["total"]) == pytest.approx(tiles["tanh(total)"], abs=2e-4)
        for part in ("input", "recurrent"):
            check_terms(page.locator(f".terms[data-terms={part}]"), truth[part], tiles[part])


def tiles_of(sum_):
    found = sum_.locator(".tile").evaluate_all(
        "(tiles) => tiles.map((tile) => [tile.dataset.part, tile.querySelector('b').textContent])"
    )
    return {name: number(text) for name, text in found}


def check_terms(table, terms, total):
    """The products that are seen, and the rest as one, are the total; so are all, unfolded."""
    cells = [cell for cell in table.locator("tbody .number").all_inner_texts() if cell]
    products = [number(cell) for cell in cells]
    assert sum(products) == pytest.approx(total, abs=1e-3)
    more = table.get_by_role("button")
    if not more.count():
        assert len(products) == len(terms)
        return
    if more.get_attribute("aria-expanded") == "false":
        assert len(products) < len(terms)
        more.click()
    rows = table.locator("tbody .term").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert len(rows) == len(terms)
    shown = [number(row[2]) for row in rows]
    assert sum(shown) == pytest.approx(total, abs=1e-3)
    assert [abs(value) for value in shown] == sorted(map(abs, shown), reverse=True)
    for row, value in zip(rows, shown, strict=True):
        left, right = row[1].split("×")
        assert number(left) * number(right) == pytest.approx(value, abs=3e-4)


def test_gates_are_written_out_in_both_directions(open_page, models):
    page = open_page()
    page.get_by_label("Model", exact=True).select_option("gates")
    write(page, MIXED)
    for direction in ("forward", "backward"):
        choice = page.get_by_label("Layer", exact=True)
        names = choice.locator("option").all_inner_texts()
        choice.select_option(next(name for name in names if name.endswith(direction)))
        settle(page)
        step = len(models.gates.explain(MIXED).to_dict()["tokens"]) - 1
        truth = models.gates.explain_step(MIXED, step=step, unit=0, direction=direction).to_dict()
        sums = page.locator(".sum[data-sum]").all()
        assert [each.get_attribute("data-sum") for each in sums] == ["u", "r", "g"]
        for shown, each in zip(sums, truth["sums"], strict=True):
            tiles = tiles_of(shown)
            inner = tiles["recurrent"] + tiles["recurrent bias"]
            scaled = inner * tiles.get("reset gate", 1.0)
            total = tiles["input"] + scaled + tiles["bias"]
            assert total == pytest.approx(tiles["total"], abs=4e-4)
            assert tiles["total"] == pytest.approx(each["total"], abs=6e-5)
        after = number(page.locator(".combination li b").last.inner_text())
        assert after == pytest.approx(truth["state_after"], abs=6e-5)


def test_two_models_read_the_same_text_side_by_side(open_page):
    page = open_page()
    write(page, MIXED)
    page.get_by_label("Beside it").select_option("gates")
    expect(page.locator(".reading")).to_have_count(2)
    write(page, "a good story")
    headings = page.locator(".reading h2")
    assert headings.all_inner_texts() == ["plain", "gates"]
    left, right = (page.locator(".reading").nth(place) for place in (0, 1))
    for card in (".answer", ".inspector"):
        boxes = [each.locator(card).bounding_box() for each in (left, right)]
        assert boxes[0]["y"] == boxes[1]["y"]
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    option(left, "good").click()  # the other follows to the same word
    assert option(right, "good").get_attribute("aria-selected") == "true"
    page.get_by_label("Beside it").select_option("")
    expect(page.locator(".reading")).to_have_count(1)


def test_an_example_does_not_come_between_a_writer_and_the_text(browser, server):
    """Who was in the box before the page knew its examples would have written behind one."""
    with fresh_page(browser) as watched:
        page, held = watched.page, []
        page.route("**/v1/model?name=*", lambda route: held.append(route))
        with page.expect_request("**/v1/model?name=*"):
            page.goto(server)
        page.focus("#text")
        held[0].continue_()
        expect(page.locator(".examples button")).to_have_count(6)
        assert page.input_value("#text") == ""
        with explained(page, "a good story"):
            page.keyboard.type("a good story")
        settle(page)
        assert watched.complaints == []


def test_examples_training_curves_and_facts_are_there(open_page, models):
    page = open_page()
    settle(page)
    examples = page.locator(".examples button")
    assert examples.count() == 6
    examples.nth(1).click()
    assert page.input_value("#text") == examples.nth(1).get_attribute("title")
    settle(page)
    history = models.plain.history_.history
    best = models.plain._trained().metrics["best_epoch"]
    plots = page.locator(".training svg")
    said = plots.first.get_attribute("aria-label")
    assert f"{history['loss'][0]:.3f} in epoch 1" in said
    assert f"{history['val_loss'][best - 1]:.3f} on other texts in the best epoch, {best}" in said
    assert plots.count() == 2
    for name in ("training", "validation"):
        path = plots.first.locator(f".line.{name}").get_attribute("d")
        assert len(re.findall("[ML]", path)) == len(history["loss"])
    facts = page.locator(".facts").inner_text()
    assert "negative, positive" in facts
    assert f"{models.plain._trained().network.parameter_count:,}" in facts
    page.get_by_text("Model card").click()
    assert "Trained on" in page.locator(".model-card h4").all_inner_texts()


def test_the_heat_map_and_the_curve_stand_above_each_other_and_take_clicks(open_page):
    page = open_page()
    write(page, MIXED)
    canvas = page.locator(".trace canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] - 30, "y": 60})
    last = page.get_by_role("slider").get_attribute("aria-valuetext")
    assert last.startswith("Step 19 (0 to 19), “bad”")
    assert "unit 0 = " in last
    canvas.click(position={"x": box["width"] - 30, "y": box["height"] - 20})
    assert "unit 7 = " in page.get_by_role("slider").get_attribute("aria-valuetext")
    page.get_by_text("The same as a table").click()
    rows = page.locator("details tbody tr")
    assert rows.filter(has_text="good").first.inner_text().split("\t")[1] == "good"
    assert rows.count() >= 20


def test_a_dark_system_and_the_switch_change_every_colour(open_page):
    page = open_page(scheme="dark")
    write(page, MIXED)

    def looks():
        """Of the page, of a word, and of the middle of the heat map."""
        return page.evaluate(
            """() => {
                const canvas = document.querySelector('.trace canvas');
                const pixel = new OffscreenCanvas(1, 1).getContext('2d');
                pixel.drawImage(canvas, -canvas.width / 2, 60 - canvas.height);
                const { data } = pixel.getImageData(0, 0, 1, 1);
                const word = document.querySelector('.words .towards, .words .against');
                return [document.body, word].map((e) => getComputedStyle(e).backgroundColor)
                    .concat([...data].join());
            }"""
        )

    dark = looks()
    assert max(float(n) for n in re.findall(r"[\d.]+", dark[0])) < 60
    page.get_by_role("button", name="Switch to light colours").click()
    settle(page)
    light = looks()
    assert min(float(n) for n in re.findall(r"[\d.]+", light[0])) > 200
    assert not set(dark) & set(light)
    page.reload()
    assert looks_of_body(page) == light[0]  # remembered


def looks_of_body(page):
    return page.evaluate("() => getComputedStyle(document.body).backgroundColor")


# --- Every reader ---------------------------------------------------------------------------------

CONTRASTS = """() => {
    const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
        pixel.clearRect(0, 0, 1, 1);
        pixel.fillStyle = color;
        pixel.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, under) => under.map((c, i) => top[i] * top[3] + c * (1 - top[3]));
    const ground = (element) => {
        if (!element) return [255, 255, 255];
        const own = rgba(getComputedStyle(element).backgroundColor);
        return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
    };
    const light = (color) => {
        const [r, g, b] = color.map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
        if (element.closest('.unseen, option, svg')) continue;
        const back = ground(element);
        const front = over(rgba(getComputedStyle(element).color), back);
        const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
        found.push([(high + 0.05) / (low + 0.05), walker.currentNode.data.trim().slice(0, 30)]);
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(open_page, scheme):
    page = open_page(scheme=scheme)
    write(page, MIXED)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 150
    assert [each for each in contrasts if each[0] < 4.5] == []


def test_the_whole_page_is_usable_by_keyboard(open_page):
    page = open_page()
    settle(page)

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
                assert ring != "none", selector
                return
        raise AssertionError(f"no way to {selector}")

    tab_to("#text")
    page.keyboard.press("Control+A")
    with explained(page, "the story is good"):
        page.keyboard.type("the story is good")
    settle(page)
    tab_to(".words [role=option][tabindex='0']")
    focused = page.locator(".words :focus")
    assert focused.inner_text() == "good"  # the last word is chosen, and the only stop
    page.keyboard.press("ArrowLeft")
    assert focused.inner_text() == "is"
    expect(page.locator(".inspector .readout")).to_contain_text("Step 18, “is”")
    page.keyboard.press("Home")
    assert "padding" in focused.inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.locator(".inspector h3").evaluate("(e) => e === document.activeElement")
    tab_to(".inspector button")
    page.keyboard.press("Enter")
    expect(page.locator(".inspector .readout")).to_contain_text("Step 18, “is”")
    for selector in (".inspector input[type=number]", ".terms button", "summary"):
        tab_to(selector)
    page.keyboard.press("Enter")
    assert page.locator(".model-card").is_visible()
    page.locator(".trace").focus()
    for key, said in (("ArrowDown", "unit 1 ="), ("ArrowLeft", "Step 17"), ("Home", "Step 0 (")):
        page.keyboard.press(key)
        assert said in page.locator(".trace").get_attribute("aria-valuetext")
        settle(page)
    assert page.locator(".inspector input").input_value() == "1"


def test_everything_has_a_name_and_the_headings_are_in_order(open_page):
    page = open_page()
    page.get_by_label("Beside it").select_option("gates")
    expect(page.locator(".reading")).to_have_count(2)
    write(page, MIXED)
    for summary in page.locator("summary").all():
        summary.click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
              'button, input, select, textarea, summary, [role=slider], [role=listbox],' +
              '[role=option], [role=region], svg[role=img], section, [tabindex="0"]')]
            .filter((e) => e.checkVisibility() && !(e.getAttribute('aria-label')
                || (e.hasAttribute('aria-labelledby')
                    && document.getElementById(e.getAttribute('aria-labelledby')).textContent)
                || [...(e.labels ?? [])].some((label) => label.textContent.trim())
                || e.querySelector('h3, h4')
                || e.textContent.trim()))
            .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert nameless == []
    levels = page.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, h4')]
            .filter((e) => e.checkVisibility()).map((e) => Number(e.tagName[1]))"""
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert page.locator("main").count() == page.locator("header").count() == 1
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("html").get_attribute("lang") == "en"


def test_nothing_sticks_out_of_a_screen_of_400_pixels(open_page):
    page = open_page(width=400)
    page.get_by_label("Beside it").select_option("gates")
    write(page, f"{'averylongwordindeed' * 4} {MIXED} " * 40)
    assert page.locator(".reading").count() == 2
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    sticking_out = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter((e) => e.checkVisibility() && !e.parentElement.closest('.trace, .scroll, pre'))
            .filter((e) => e.getBoundingClientRect().right > 400).map((e) => e.className)"""
    )
    assert sticking_out == []
    gates = page.locator(".trace").nth(1)
    wide, seen = gates.evaluate("(e) => [e.scrollWidth, e.clientWidth]")
    assert wide > 3 * seen  # it scrolls inside its box, to the step that is looked at
    assert gates.evaluate("(e) => e.scrollLeft") > seen
    assert gates.locator("canvas").evaluate("(e) => e.clientWidth") <= seen


def test_typing_moves_nothing_that_is_looked_at(open_page):
    page = open_page()
    write(page, "a good story")
    places = [page.locator(f".{name}").bounding_box() for name in ("answer", "words", "trace")]
    page.locator("#text").press_sequentially(" bad")
    page.wait_for_timeout(260)  # the answer is on its way, or just there
    after = [page.locator(f".{name}").bounding_box() for name in ("answer", "words", "trace")]
    assert [box["y"] for box in places] == [box["y"] for box in after]


# --- What goes wrong ------------------------------------------------------------------------------


def explanation(steps):
    """A document by hand, of a model that reads texts of any length."""
    tokens = [f"word{place}" for place in range(steps)]
    after = [[0.5 + 0.4 * math.sin(place / 40), 0.5 - 0.4 * math.sin(place / 40)]
             for place in range(steps)]  # fmt: skip
    layer = {
        "name": "gru", "kind": "GRU", "units": 32, "directions": ["forward"],
        "states": [[math.sin(step / 9 + unit) for unit in range(32)] for step in range(steps)],
        "backward_states": None,
    }  # fmt: skip
    return {
        "classes": ["negative", "positive"], "multi_label": False, "label": "negative",
        "probability": after[-1][0],
        "probabilities": {"negative": after[-1][0], "positive": after[-1][1]},
        "unknown_share": 0.0, "was_cut": False, "explained": "negative", "tokens": tokens,
        "kinds": ["word"] * steps, "places": list(range(steps)), "before": [0.5, 0.5],
        "after": after, "deletion": None, "layers": [layer],
        "gradients": [0.01 * (-1) ** step for step in range(steps)],
    }  # fmt: skip


def answer_with(page, status, document, headers=None, *, times=None, path="explain"):
    """Let requests be answered with this."""
    page.route(
        f"**/v1/{path}",
        lambda route: route.fulfill(
            status=status,
            body=json.dumps(document),
            headers={"content-type": "application/problem+json", **(headers or {})},
        ),
        times=times,
    )


def test_ten_thousand_words_stay_usable(open_page):
    page = open_page()
    settle(page)
    answer_with(page, 200, explanation(10_000))
    arithmetic = {
        "layer": "gru", "kind": "GRU", "direction": "forward", "step": 9_999, "unit": 0,
        "token": "word9999", "sums": [], "combination": [], "state_before": 0.1, "state_after": 0.2,
    }  # fmt: skip
    answer_with(page, 200, arithmetic, path="explain/step")
    page.fill("#text", "word " * 10_000)
    expect(options_of(page)).to_have_count(10_000)
    box = page.locator(".trace")
    wide, seen, drawn = box.evaluate(
        "(e) => [e.scrollWidth, e.clientWidth, e.querySelector('canvas').width]"
    )
    assert wide > 100 * seen
    assert drawn == seen
    page.keyboard.press("Tab")
    box.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert box.get_attribute("aria-valuetext").startswith("Step 10 (0 to 9999), “word10”")
    assert options_of(page).nth(10).get_attribute("aria-selected") == "true"


def test_a_text_cannot_become_markup(open_page):
    page = open_page()
    page.get_by_label("Beside it").select_option("gates")
    for text in (ATTACK, ATTACK * 30):
        write(page, text)
        assert "script" in page.locator(".reading").nth(1).locator(".words").inner_text()
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("() => window.hacked") is None
        assert page.locator("main img, main script").count() == 0
    assert NASTY_LABEL in page.locator(".reading").nth(1).locator(".bars").inner_text()


def until(page, held):
    """Until a request is held back, and no longer than ten seconds."""
    for _ in range(500):
        if held:
            return
        page.wait_for_timeout(20)
    raise AssertionError("nothing was asked")


def test_an_empty_text_shows_nothing_old_even_when_an_answer_comes_late(open_page):
    page = open_page()
    write(page, MIXED)
    assert page.locator(".answer").is_visible()
    held = []
    page.route("**/v1/explain", lambda route: held.append(route))
    page.fill("#text", "good")
    until(page, held)
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".empty").is_visible()
    held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator(".empty").is_visible()
    assert not page.locator(".answer").is_visible()
    page.fill("#text", "   \n ")
    assert page.locator(".empty").is_visible()
    page.unroute_all()


def test_an_earlier_answer_never_overtakes_a_later_one(open_page):
    page = open_page()
    settle(page)
    held = []
    page.route("**/v1/explain", lambda route: held.append(route), times=1)
    page.fill("#text", "bad story")
    until(page, held)
    write(page, "good story")
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_timeout(200)
    assert options_of(page).all_inner_texts()[-2:] == ["good", "story"]


def test_a_server_that_goes_away_is_said_and_waited_for(browser, models):
    folder = models.folder / "plain"
    with fresh_page(browser) as watched:
        page = watched.page
        with running(folder) as live:
            page.goto(f"http://127.0.0.1:{live.port}/")
            write(page, "a good story")
        page.fill("#text", "a bad story")
        notice = page.locator(".reading .notice")
        expect(notice).to_contain_text("The server does not answer")
        expect(notice).to_contain_text("Your text is kept")
        assert not page.locator(".answer").is_visible()
        assert page.input_value("#text") == "a bad story"
        with running(folder, "--port", str(live.port)):
            expect(page.locator(".label")).to_have_text("negative", timeout=20_000)
            assert not notice.is_visible()
            settle(page)
        assert all("Failed to load resource" in each for each in watched.complaints)


def test_a_model_with_other_labels_in_the_old_ones_place_is_described(browser, models, tmp_path):
    place = tmp_path / "model"
    shutil.copytree(models.folder / "plain", place)
    with running(place, "--watch-seconds", "0.05") as live, fresh_page(browser) as watched:
        page = watched.page
        page.goto(f"http://127.0.0.1:{live.port}/")
        write(page, MIXED)
        page.get_by_label("Explain").select_option("negative")
        settle(page)
        place.rename(tmp_path / "old")
        shutil.copytree(models.folder / "gates", place)
        assert eventually(lambda: "bad" in live.get("/v1/model")["labels"])
        page.fill("#text", "a good story")
        expect(page.locator(".facts")).to_contain_text("bad, good")
        expect(page.locator(".legend").first).to_contain_text("towards good")
        assert page.get_by_label("Explain").input_value() == ""
        assert not page.locator(".reading .notice").is_visible()
        settle(page)


def test_a_server_that_is_away_at_first_is_waited_for(browser, server):
    with fresh_page(browser) as watched:
        page = watched.page
        page.route("**/v1/**", lambda route: route.abort())
        page.goto(server)
        expect(page.locator("main > .notice")).to_contain_text("does not answer")
        page.fill("#text", MIXED)
        page.unroute_all()
        expect(page.locator(".answer")).to_be_visible()
        assert page.input_value("#text") == MIXED
        assert not page.locator("main > .notice").is_visible()
        settle(page)


def test_a_token_is_asked_for_and_kept_in_memory_only(browser, server):
    with fresh_page(browser) as watched:
        page = watched.page
        page.route("**/v1/**", guard)
        page.goto(server)
        field = page.get_by_label("This server asks for a token")
        for token in ("wrong", "secret"):
            field.fill(token)
            page.get_by_role("button", name="Use it").click()
            if token == "wrong":  # noqa: S105
                expect(page.locator(".token")).to_contain_text("did not take that token")
        settle(page)
        assert page.locator(".answer").is_visible()
        assert not field.is_visible()
        kept = page.evaluate(
            "() => JSON.stringify([localStorage, sessionStorage, document.cookie])"
        )
        assert "secret" not in kept + page.content()
        page.reload()
        expect(field).to_be_visible()
        page.unroute_all()


def guard(route):
    if route.request.headers.get("authorization") == "Bearer secret":
        route.continue_()
    else:
        problem = {"title": "Unauthorized", "status": 401, "detail": "no token"}
        route.fulfill(status=401, body=json.dumps(problem), content_type="application/problem+json")


def test_a_busy_server_is_asked_again_when_it_said(browser, server):
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(server)
        settle(page)
        answer_with(page, 429, {"title": "Too Many Requests"}, {"retry-after": "1"}, times=1)
        page.fill("#text", MIXED)
        expect(page.locator(".reading .notice")).to_contain_text("asked again in 1 s")
        expect(page.locator(".answer")).to_be_visible()
        settle(page)
        assert options_of(page).last.inner_text() == "bad"


@pytest.mark.parametrize("status", [413, 422])
def test_a_refusal_is_shown_with_its_reason_and_never_an_old_answer(browser, server, status):
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(server)
        write(page, MIXED)
        problem = {"title": "Too much", "status": status, "detail": "at most 10 <b>characters</b>"}
        answer_with(page, status, problem, times=1)
        page.fill("#text", MIXED * 2)
        notice = page.locator(".reading .notice")
        expect(notice).to_contain_text("Too much")
        expect(notice).to_contain_text("at most 10 <b>characters</b>")
        assert not page.locator(".answer").is_visible()
        write(page, "a good story")
        assert page.locator(".answer").is_visible()
        assert not notice.is_visible()


def test_a_text_that_is_too_long_is_refused_in_plain_words(browser, server):
    with fresh_page(browser) as watched:
        watched.page.goto(server)
        watched.page.fill("#text", "good " * 3_000)
        notice = watched.page.locator(".reading .notice")
        expect(notice).to_contain_text("This cannot be explained")
        expect(notice).to_contain_text("a text has at most 10,000 characters; this has 15,000")
        expect(notice).not_to_contain_text("Unprocessable")


def test_nothing_is_asked_of_anybody_else(browser, server):
    with fresh_page(browser) as watched:
        page = watched.page
        answer = page.goto(server)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        page.get_by_label("Beside it").select_option("gates")
        write(page, MIXED)
        addresses = {url.removeprefix(server) for url in watched.requests}
        assert {"", "style.css", "scripts/served.js", "v1/models"} - addresses == {"v1/models"}
        assert not [url for url in watched.requests if not url.startswith((server, "data:"))]
        assert watched.complaints == []
        assert page.locator("[style]:not(canvas, .film, span, .unseen)").count() == 0


def test_a_step_that_cannot_be_worked_out_leaves_the_reading_alone(browser, server):
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(server)
        write(page, MIXED)
        problem = {"title": "No such step", "status": 422, "detail": "it is not there"}
        answer_with(page, 422, problem, path="explain/step", times=1)
        option(page, "good").click()
        expect(page.locator(".inspector .readout")).to_have_text("No such step: it is not there")
        assert page.locator(".sum").count() == 0
        assert page.locator(".answer").is_visible()
        option(page, "bad").click()
        expect(page.locator(".sum")).to_have_count(1)
