"""Scores texts with a model that ``unrolled export --to onnx`` wrote: a line of JSON for each.

    python score_onnx.py model.onnx "a wonderful film" "a boring one"

For models that read words as the textbook does (text.tokenizer = "keras"), of longer texts the end.
It needs NumPy and onnxruntime. Other programs find in the same metadata, in words too, what to do.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
facts = {name: json.loads(own) for name, own in session.get_modelmeta().custom_metadata_map.items()}
reading, ids = facts["preprocessing"], facts["preprocessing"]["ids"]
numbers = {word: at for at, word in enumerate(facts["vocabulary"], ids["first_word"])}
spaces = str.maketrans(dict.fromkeys(reading["separators"], " "))

for text in sys.argv[2:]:
    words = text.lower().translate(spaces).split(" ")
    row = [numbers.get(word, ids["unknown"]) for word in words if word]
    row = ([ids["start"]] * reading["start_token"] + row)[-reading["maxlen"] :]
    if reading["padding"] == "keras":
        row = [ids["padding"]] * (reading["maxlen"] - len(row)) + row
    row = row or [ids["unknown"]]
    texts = {"ids": np.array([row]), "lengths": np.array([len(row)])}
    (probabilities,) = session.run(["probabilities"], texts)[0].tolist()
    print(json.dumps(dict(zip(facts["labels"], probabilities, strict=True))))
