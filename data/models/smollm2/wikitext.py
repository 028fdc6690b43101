# SPDX-License-Identifier: Apache-2.0
"""WikiText-2 as token files (doc/formats.md 2)."""
import hashlib
import lzma
import os

import h5py
import numpy as np
import tokenizers

TEXTS = {
    "test": "173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08",
    "valid": "4cd0f6876d07a413aa911261ff6d363c72d757d47f0fdd6015702014c89cb9c7",
}
# The tokens of the whole test string: how many, and the SHA-256 of their ids as little-endian int32 begins with.
TEST_TOKENS = 304978
TEST_DIGEST = "aa72485a43ad244d"
EVALUATION_LENGTH = 2048
CALIBRATION_LENGTH, CALIBRATION_SEQUENCES = 1024, 128


def joined_rows(directory, split):
    """The string that perplexities are usually given of: the rows joined by two newlines, empty ones empty."""
    path = os.path.join(directory, f"wiki.{split}.raw.xz")
    with lzma.open(path) as file:
        raw = file.read()
    if hashlib.sha256(raw).hexdigest() != TEXTS[split]:
        raise ValueError(f"{path}: not the WikiText-2 text (sha256 differs)")
    rows = [row + "\n" for row in raw.decode().split("\n")[:-1]]
    return "\n\n".join("" if row == " \n" else row for row in rows)


def token_ids(tokenizer_path, text):
    encoder = tokenizers.Tokenizer.from_file(tokenizer_path)
    return np.array(encoder.encode(text, add_special_tokens=True).ids, "<i4")


def spread(pieces, count):
    """`count` of `pieces` indices, such that the first few already lie far apart: steps of the golden section."""
    step = round(pieces * 0.618034)
    while np.gcd(step, pieces) != 1:
        step += 1
    return [i * step % pieces for i in range(min(count, pieces))]


def write_tokens(path, sequences, tokenizer_path, source, text):
    with open(tokenizer_path, "rb") as file:
        tokenizer_digest = hashlib.sha256(file.read()).hexdigest()
    vocab = tokenizers.Tokenizer.from_file(tokenizer_path).get_vocab_size()
    offsets = np.cumsum([0] + [len(sequence) for sequence in sequences]).astype("<i8")
    with h5py.File(path, "w", libver="earliest") as file:
        for name, value in (
            ("format", "qoq-tokens"),
            ("tokenizer", tokenizer_digest),
            ("source", source),
            ("source_sha256", hashlib.sha256(text.encode()).hexdigest()),
        ):
            file.attrs[name] = np.bytes_(value)
        file.attrs["version"] = np.int64(1)
        file.attrs["vocab"] = np.int64(vocab)
        for name, data in (("tokens", np.concatenate(sequences)), ("offsets", offsets)):
            dataset = file.create_dataset(name, data=data, track_times=False)
            dataset.attrs["sha256"] = np.bytes_(hashlib.sha256(data.tobytes()).hexdigest())


def write_evaluation(path, texts, tokenizer_path):
    """Test split: sequences of 2048, the tail dropped."""
    text = joined_rows(texts, "test")
    ids = token_ids(tokenizer_path, text)
    digest = hashlib.sha256(ids.tobytes()).hexdigest()
    if len(ids) != TEST_TOKENS or not digest.startswith(TEST_DIGEST):
        raise ValueError(f"the test text has {len(ids)} tokens with digest {digest[:16]}, "
                         f"must be {TEST_TOKENS} with {TEST_DIGEST}")
    pieces = ids[: len(ids) // EVALUATION_LENGTH * EVALUATION_LENGTH].reshape(-1, EVALUATION_LENGTH)
    write_tokens(path, list(pieces), tokenizer_path, "WikiText-2 test, rows joined by two newlines", text)
    return len(pieces)


def write_calibration(path, texts, tokenizer_path):
    """Validation split: up to 128 sequences of 1024 in an order that spreads any few of them over the text."""
    text = joined_rows(texts, "valid")
    ids = token_ids(tokenizer_path, text)
    pieces = ids[: len(ids) // CALIBRATION_LENGTH * CALIBRATION_LENGTH].reshape(-1, CALIBRATION_LENGTH)
    chosen = [pieces[i] for i in spread(len(pieces), CALIBRATION_SEQUENCES)]
    source = f"WikiText-2 validation, rows joined by two newlines, {len(chosen)} of {len(pieces)} sequences"
    write_tokens(path, chosen, tokenizer_path, source, text)
    return len(chosen)
