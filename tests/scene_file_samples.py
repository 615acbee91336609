"""Small scene files packed value by value in plain Python, and the Gaussians that they stand for.

Independent of the project's writers: every format is spelled out here once more, as its description says.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import random
import struct
import zipfile
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

SH_C0 = 0.28209479177387814


@dataclass
class Expected:
    """Gaussians in file order."""

    means: list = field(default_factory=list)
    scales: list = field(default_factory=list)
    rotations: list = field(default_factory=list)  # wxyz
    opacities: list = field(default_factory=list)
    sh: list = field(default_factory=list)  # coefficients x 3


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def unit(values):
    norm = math.sqrt(sum(v * v for v in values))
    return [v / norm for v in values]


def with_largest(three, largest):
    """Put the missing component of a quaternion back; `three` in -1..1."""
    values = [v * math.sqrt(0.5) for v in three]
    values.insert(largest, math.sqrt(max(0.0, 1 - sum(v * v for v in values))))
    return values


def compressed_ply(count=300, degree=1, *, colours=True, seed=0, comments=()):
    """-> bytes, Expected. PlayCanvas compressed PLY."""
    rng = random.Random(seed)
    expected = Expected()
    higher = (degree + 1) ** 2 - 1
    chunks, vertices, harmonics = [], [], []
    for start in range(0, count, 256):
        low = [rng.uniform(-3, 0) for _ in range(3)]
        high = [value + rng.uniform(0.5, 3) for value in low]
        small = [rng.uniform(-6, -4) for _ in range(3)]
        large = [value + rng.uniform(0.5, 2) for value in small]
        dark, light = [-0.2, 0.0, 0.1], [1.0, 1.2, 0.9]
        floats = [*low, *high, *small, *large, *(dark + light if colours else [])]
        floats = list(struct.unpack(f"<{len(floats)}f", struct.pack(f"<{len(floats)}f", *floats)))
        chunks.append(struct.pack(f"<{len(floats)}f", *floats))
        for _ in range(min(256, count - start)):
            p = [rng.randrange(2048), rng.randrange(1024), rng.randrange(2048)]
            s = [rng.randrange(2048), rng.randrange(1024), rng.randrange(2048)]
            q = [rng.randrange(250, 774) for _ in range(3)]
            largest = rng.randrange(4)
            c = [rng.randrange(256) for _ in range(4)]
            vertices.append(
                struct.pack(
                    "<4I",
                    p[0] << 21 | p[1] << 11 | p[2],
                    largest << 30 | q[0] << 20 | q[1] << 10 | q[2],
                    s[0] << 21 | s[1] << 11 | s[2],
                    c[0] << 24 | c[1] << 16 | c[2] << 8 | c[3],
                )
            )
            tops = (2047, 1023, 2047)
            lerp = lambda a, b, n, top: a * (1 - n / top) + b * (n / top)  # noqa: E731
            expected.means.append([lerp(low[i], high[i], p[i], tops[i]) for i in range(3)])
            expected.scales.append([math.exp(lerp(small[i], large[i], s[i], tops[i])) for i in range(3)])
            expected.rotations.append(with_largest([n / 1023 * 2 - 1 for n in q], largest))
            expected.opacities.append(c[3] / 255)
            rgb = [lerp(dark[i], light[i], c[i], 255) if colours else c[i] / 255 for i in range(3)]
            sh = [[(v - 0.5) / SH_C0 for v in rgb]] + [[0.0] * 3 for _ in range(higher)]
            stored = [rng.choice([0, 255, *range(100, 150)]) for _ in range(3 * higher)]
            harmonics.append(bytes(stored))
            for index, byte in enumerate(stored):  # channel by channel
                fraction = {0: 0.0, 255: 1.0}.get(byte, (byte + 0.5) / 256)
                sh[1 + index % higher][index // higher] = (fraction - 0.5) * 8
            expected.sh.append(sh)
    names = [f"{end}_{axis}" for end in ("min", "max") for axis in "xyz"]
    names += [f"{end}_scale_{axis}" for end in ("min", "max") for axis in "xyz"]
    names += [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"] if colours else []
    lines = ["ply", "format binary_little_endian 1.0", *(f"comment {c}" for c in comments)]
    lines += [f"element chunk {len(chunks)}", *(f"property float {n}" for n in names), f"element vertex {count}"]
    lines += [f"property uint packed_{n}" for n in ("position", "rotation", "scale", "color")]
    if higher:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{i}" for i in range(3 * higher))]
    body = b"".join(chunks) + b"".join(vertices) + b"".join(harmonics if higher else [])
    return ("\n".join(lines) + "\nend_header\n").encode() + body, expected


def splat(count=100, seed=0):
    """-> bytes, Expected. ``.splat``."""
    rng = random.Random(seed)
    expected, rows = Expected(), []
    for _ in range(count):
        mean = [rng.uniform(-3, 3) for _ in range(3)]
        scale = [rng.uniform(0.01, 0.2) for _ in range(3)]
        colour = [rng.randrange(256) for _ in range(4)]
        rotation = unit([rng.gauss(0, 1) for _ in range(4)])
        stored = [min(255, round(v * 128 + 128)) for v in rotation]
        rows.append(struct.pack("<6f8B", *mean, *scale, *colour, *stored))
        expected.means.append(mean)
        expected.scales.append(scale)
        expected.rotations.append(unit([(v - 128) / 128 for v in stored]))
        expected.opacities.append(colour[3] / 255)
        expected.sh.append([[(c / 255 - 0.5) / SH_C0 for c in colour[:3]]])
    return b"".join(rows), expected


# Half a turn about x changes the sign of what is odd in y and z together.
FLIPS = [1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1]


def spz_parts(version, count=100, degree=1, seed=0, bits=12):
    """-> header fields, the six streams, Expected in right-down-front axes."""
    rng = random.Random(seed)
    expected = Expected()
    streams = [bytearray() for _ in range(6)]
    coefficients = (degree + 1) ** 2 - 1
    for _ in range(count):
        if version == 1:
            mean = [struct.unpack("<e", struct.pack("<e", rng.uniform(-3, 3)))[0] for _ in range(3)]
            streams[0] += struct.pack("<3e", *mean)
        else:
            fixed = [rng.randrange(-(3 << bits), 3 << bits) for _ in range(3)]
            streams[0] += b"".join((n & 0xFFFFFF).to_bytes(3, "little") for n in fixed)
            mean = [n / (1 << bits) for n in fixed]
        alpha, colour = rng.randrange(256), [rng.randrange(256) for _ in range(3)]
        scale = [rng.randrange(60, 140) for _ in range(3)]
        streams[1].append(alpha)
        streams[2] += bytes(colour)
        streams[3] += bytes(scale)
        if version < 3:
            stored = [rng.randrange(70, 186) for _ in range(3)]
            streams[4] += bytes(stored)
            vector = [n / 127.5 - 1 for n in stored]
            x, y, z = vector
            rotation = [math.sqrt(max(0.0, 1 - sum(v * v for v in vector))), x, y, z]
        else:
            largest, sizes = rng.randrange(4), [rng.randrange(-256, 257) for _ in range(3)]
            word = largest
            for n in sizes:
                word = word << 10 | (512 if n < 0 else 0) | abs(n)
            streams[4] += struct.pack("<I", word)
            x, y, z, w = with_largest([n / 511 for n in sizes], largest)
            rotation = [w, x, y, z]
        harmonics = [rng.randrange(256) for _ in range(3 * coefficients)]
        streams[5] += bytes(harmonics)
        expected.means.append([mean[0], -mean[1], -mean[2]])
        expected.opacities.append(alpha / 255)
        expected.scales.append([math.exp(n / 16 - 10) for n in scale])
        expected.rotations.append([rotation[0], rotation[1], -rotation[2], -rotation[3]])
        sh = [[(c / 255 - 0.5) / 0.15 for c in colour]]
        for k in range(min(coefficients, 15)):
            sh.append([(harmonics[3 * k + c] - 128) / 128 * FLIPS[1 + k] for c in range(3)])
        expected.sh.append(sh)
    return (count, degree, bits), [bytes(stream) for stream in streams], expected


def spz_payload(version, count=100, degree=1, flags=0, **options):
    """-> unpacked bytes of versions 1 to 3, Expected."""
    (count, degree, bits), streams, expected = spz_parts(version, count, degree, **options)
    return struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, flags, 0) + b"".join(streams), expected


def spz(version=3, flags=0, **options):
    """-> bytes, Expected. Versions 1 to 3 (gzip) or 4 (Zstandard)."""
    if version < 4:
        payload, expected = spz_payload(version, flags=flags, **options)
        return gzip.compress(payload, mtime=0), expected
    import zstandard

    (count, degree, bits), streams, expected = spz_parts(version, **options)
    streams = streams if degree else streams[:5]
    packed = [zstandard.ZstdCompressor().compress(stream) for stream in streams]
    header = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, count, degree, bits, flags, len(streams), 32)
    table = b"".join(struct.pack("<QQ", len(p), len(s)) for p, s in zip(packed, streams, strict=True))
    return header + table + b"".join(packed), expected


def webp(pixels, width):
    """-> lossless WebP of a list of tuples, in rows of `width`."""
    rows = -(-len(pixels) // width)
    array = np.zeros((rows * width, len(pixels[0])), np.uint8)
    array[: len(pixels)] = pixels
    data = io.BytesIO()
    Image.fromarray(array.reshape(rows, width, -1)).save(data, "WEBP", lossless=True, exact=True)
    return data.getvalue()


def sog_members(version=2, count=90, degree=1, seed=0, **extra):
    """-> {name: bytes} of a SOG scene, Expected."""
    rng = random.Random(seed)
    expected = Expected()
    width = 4 * math.ceil(math.sqrt(count) / 4)
    low, high = [-1.5, -1.2, 0.0], [1.4, 1.3, 1.1]
    scale_book = sorted(rng.uniform(-6, -2) for _ in range(256))
    colour_book = sorted(rng.uniform(-2, 2) for _ in range(256))
    sh_book = sorted(rng.uniform(-0.5, 0.5) for _ in range(256))
    images = {name: [] for name in ("means_l", "means_u", "quats", "scales", "sh0", "shN_labels")}
    coefficients, entries = (degree + 1) ** 2 - 1, 70
    centroids = [[[rng.randrange(256) for _ in range(3)] for _ in range(coefficients)] for _ in range(entries)]
    limits = {"scales": ([-6.0, -5.5, -5.0], [-2.0, -2.5, -3.0]), "sh0": ([-2, -1.5, -1, -3], [2, 1.5, 1, 4])}

    def between(key, channel, byte):
        least, most = (values[channel] for values in limits[key])
        return least + (most - least) * byte / 255

    for _ in range(count):
        steps = [rng.randrange(65536) for _ in range(3)]
        images["means_l"].append([n & 255 for n in steps])
        images["means_u"].append([n >> 8 for n in steps])
        logs = [low[i] + (high[i] - low[i]) * steps[i] / 65535 for i in range(3)]
        expected.means.append([math.copysign(math.exp(abs(v)) - 1, v) for v in logs])
        three, largest = [rng.randrange(60, 196) for _ in range(3)], rng.randrange(4)
        images["quats"].append([*three, 252 + largest])
        expected.rotations.append(with_largest([n / 255 * 2 - 1 for n in three], largest))
        scale, colour = [rng.randrange(256) for _ in range(3)], [rng.randrange(256) for _ in range(4)]
        images["scales"].append(scale)
        images["sh0"].append(colour)
        label = rng.randrange(entries)
        images["shN_labels"].append([label & 255, label >> 8, 0])
        if version == 2:
            expected.scales.append([math.exp(scale_book[n]) for n in scale])
            expected.opacities.append(colour[3] / 255)
            sh = [[colour_book[n] for n in colour[:3]]]
            sh += [[sh_book[n] for n in pixel] for pixel in centroids[label]]
        else:
            expected.scales.append([math.exp(between("scales", i, n)) for i, n in enumerate(scale)])
            expected.opacities.append(sigmoid(between("sh0", 3, colour[3])))
            sh = [[between("sh0", i, n) for i, n in enumerate(colour[:3])]]
            sh += [[-0.5 + n / 255 for n in pixel] for pixel in centroids[label]]
        expected.sh.append(sh)
    meta = {
        "means": {"mins": low, "maxs": high, "files": ["means_l.webp", "means_u.webp"]},
        "quats": {"files": ["quats.webp"]},
        "scales": {"files": ["scales.webp"]},
        "sh0": {"files": ["sh0.webp"]},
        "shN": {"files": ["shN_centroids.webp", "shN_labels.webp"]},
    }
    if version == 2:
        meta |= {"version": 2, "count": count}
        meta["scales"]["codebook"], meta["sh0"]["codebook"] = scale_book, colour_book
        meta["shN"] |= {"codebook": sh_book, "bands": degree, "count": entries}
    else:
        meta["means"]["shape"] = [count, 3]
        for key, (least, most) in limits.items():
            meta[key] |= {"mins": least, "maxs": most}
        meta["shN"] |= {"mins": -0.5, "maxs": 0.5}
    members = {f"{name}.webp": webp(pixels, width) for name, pixels in images.items()}
    if degree:
        pixels = [pixel for entry in centroids for pixel in entry]
        members["shN_centroids.webp"] = webp(pixels, 64 * coefficients)
    else:
        del meta["shN"], members["shN_labels.webp"]
    members["meta.json"] = json.dumps(meta | extra).encode()
    return members, expected


def archive(members, compression=zipfile.ZIP_STORED):
    """-> bytes of a ZIP archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return data.getvalue()


def sog(version=2, **options):
    """-> bytes of a ``.sog`` archive, Expected."""
    members, expected = sog_members(version, **options)
    return archive(members), expected
