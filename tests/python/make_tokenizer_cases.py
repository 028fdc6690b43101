#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/tokenizers: small byte-level tokenizers and what the library of their origin encodes with them.

usage: make_tokenizer_cases.py DIRECTORY

Needs the Python package tokenizers (made with 0.23.3). Trains on the text below, the same bytes each time. Lines of
cases.txt: name of the tokenizer, "special" or "plain", the text in hexadecimal digits ("-": empty), the ids.
special: added tokens in the text are recognized and the template's token comes first.
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex

TEXT = """The quick brown fox doesn't jump over the lazy dog; it isn't allowed to, they've said, and we'll see that I'm right.
In 2024 the price was 1,234.50 dollars, 12345678 in all. Numbers: 3.14159, 2.71828, 1/2, 100 %, 0x7f.

def main(argc, argv):
    for i in range(argc):
        print(argv[i], end="\\n\\n")
    return 0    # nothing more

Über naïve Fälle größerer Maße, déjà vu, façade, señor, Ελληνικά και русский текст, 日本語の文章 und 中文, café.
The weights of a layer are quantized, the weights of the layer are loaded, then the words are read and the tokens are made.
"""
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|begin|>", "<|end|>", "<|end|>x"]
FIXED = [
    "", " ", "  ", "\n", " \n \n  x", "a  b\n\n c", "Hello, world!", "It's 2024: 3.14", " naïve 日本", "IT'S I'LL we'Ve 'tis 'REal",
    "'\u017f a'\u017fb x'\u017f", "\u00a0x \u3000y\u2028z\u0085w", "tabs\t\tand\r\nlines\r\r\n\n \tend   ", "12345 1234567\u0663\u00b2\u2167",
    "cafe\u0301 A\u030a \u1100\u1161\u11a8 \ufb01 \u212b e\u0323\u0302", "<|begin|>a<|end|>b<|end|>xc <|end", "'s's'd", "a\u200db\u0300c",
    "\U0001f600\U0001f468\u200d\U0001f469 !?\n\n!", "    for i in range(argc):\n\n", "\u0000\u0001\u007f", "don''t   \n", "  \n  \n", "x 1 2  3",
]
ALPHABET = "aeionrst'' \t\n\r 019.,-!?<|>ABsSlLvVeEmMdDtT\u017f\u00e9\u0301\u00a0\u3000\u2028\u00b2\u0663\u2167日本語русё\U0001f600\u1100\u1161\u212b\u0300"
SAMPLES = 80
LACKING = {0x04, 0x06, 0x13, 0x14, 0x16, 0x1D}  # bytes that the vocabulary of SmolLM2 lacks, among others


def train(alphabet):
    """Without any split, and on random text too: most pairs that a split keeps apart could otherwise be merged."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(False)
    draw = random.Random("train")
    texts = TEXT.splitlines(keepends=True) + FIXED + [random_text(draw) for _ in range(400)]
    trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, initial_alphabet=alphabet, special_tokens=[])
    tokenizer.train_from_iterator([text for text in texts if not LACKING & set(text.encode())], trainer)
    return json.loads(tokenizer.to_str())["model"]


def byte_level(regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


def split(digits):
    return pre_tokenizers.Split(Regex(PATTERN % digits), "isolated")


def build(model, splits, added, **flags):
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, **flags))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits) if len(splits) > 1 else splits[0]
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in added])
    return tokenizer


def tokenizers():
    every = sorted(pre_tokenizers.ByteLevel.alphabet())
    some = [letter for letter in every if ord(letter) - 0x100 not in LACKING]
    gpt2 = [byte_level(True)]
    yield "gpt2", build(train(every), gpt2, SPECIAL)
    smollm2 = [pre_tokenizers.Digits(individual_digits=True), byte_level(True)]
    yield "smollm2", build(train(some), smollm2, SPECIAL)
    llama3 = [split("{1,3}"), byte_level(False)]
    model = train(every)
    for word in ("Ġunmergeable", "xyzzy", "Ġ2024"):  # found only by looking before merging
        model["vocab"][word] = len(model["vocab"])
    tokenizer = build(model, llama3, SPECIAL, ignore_merges=True)
    begin = ("<|begin|>", tokenizer.token_to_id("<|begin|>"))
    template = processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B", special_tokens=[begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    yield "llama3", tokenizer
    qwen2 = [split(""), byte_level(False)]
    tokenizer = build(train(every), qwen2, SPECIAL)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "qwen2", tokenizer


def file_text(name, tokenizer):
    """As the models of that name have it: merges as one string in older files."""
    value = json.loads(tokenizer.to_str())
    if name in ("smollm2", "llama3"):
        value["model"]["merges"] = [" ".join(merge) for merge in value["model"]["merges"]]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def random_text(draw):
    if draw.random() < 0.5:
        return "".join(draw.choice(ALPHABET) for _ in range(draw.randrange(1, 24)))
    ranges = ((0, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x30000))
    return "".join(chr(draw.randrange(*draw.choice(ranges))) for _ in range(draw.randrange(1, 8)))


def lines(name, tokenizer):
    draw = random.Random(name)
    texts = FIXED + ["xyzzy unmergeable 2024"] + [random_text(draw) for _ in range(SAMPLES)]
    lacking = [text for text in texts if name == "smollm2" and set(text.encode()) & LACKING]
    for text in texts:
        if text not in lacking:
            special = any(token in text for token in SPECIAL)
            kinds = ["special"] if special else ["special", "plain"] if name == "llama3" else ["plain"]
            for kind in kinds:
                ids = tokenizer.encode(text, add_special_tokens=kind == "special").ids
                yield " ".join([name, kind, text.encode().hex() or "-", *map(str, ids)])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    cases = []
    for name, tokenizer in tokenizers():
        with open(os.path.join(sys.argv[1], f"{name}.json"), "w", encoding="utf-8") as file:
            file.write(file_text(name, tokenizer))
        cases += lines(name, tokenizer)
    with open(os.path.join(sys.argv[1], "cases.txt"), "w", encoding="ascii") as file:
        file.write("\n".join(cases) + "\n")


if __name__ == "__main__":
    main()
