"""Every file of the fuzzers' corpora, and some thousand mutations of them, without a fuzzer."""

from __future__ import annotations

import importlib
import random

import pytest

from fuzz_common import CORPUS, TARGETS

MUTATIONS = {"graph": 20, "checkpoint": 60, "research_checkpoint": 60, "scene_checkpoint": 60, "scene_files": 150}
OTHERS = 250


def files(target):
    return sorted((CORPUS / target).iterdir())


def module(target):
    if "checkpoint" in target:
        pytest.importorskip("torch")
    if target == "class_table":
        pytest.importorskip("yaml")
    return importlib.import_module(f"fuzz_{target}")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four changes of the kinds that fuzzers make."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        match rng.randrange(5):
            case 0:
                content[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                del content[place : place + rng.randint(1, 20)]
            case 2:
                content[place:place] = content[place : place + rng.randint(1, 40)]
            case 3:
                content[place : place + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"9999"]
                )
            case 4:
                content[place:place] = rng.choice([b"nan", b"-1", b"1e999", b"[", b"null", b"\n", b" 99999999999 "])
    return bytes(content)


def test_every_target_has_a_corpus():
    assert sorted(folder.name for folder in CORPUS.iterdir()) == sorted(TARGETS)


@pytest.mark.parametrize(
    ("target", "file"), [(t, f) for t in TARGETS for f in files(t)], ids=lambda v: getattr(v, "name", v)
)
def test_corpus(target, file, tmp_path):
    module(target).run(file.read_bytes(), tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_of_the_corpus(target, tmp_path):
    rng, corpus = random.Random(target), [file.read_bytes() for file in files(target)]
    for _ in range(MUTATIONS.get(target, OTHERS)):
        data = mutated(rng.choice(corpus), rng)
        try:
            module(target).run(data, tmp_path)
        except Exception:
            print(f"the input: {data!r}")
            raise
