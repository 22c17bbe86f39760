"""Makes jpeg-corpus.zip with the programs of libjpeg-turbo 2.1: python jpeg_corpus.py

Small JPEG files of every kind that cjpeg can write, with other markers where those decide on colours, and damaged ones.
Among the files that are whole, each value of each property meets each value of every other one. `expected.csv` says
what djpeg makes of each: its exit code (0, 2 with warnings, 1 refused) and the CRC-32 of the samples, from code without
SIMD, whose results differ where coefficients are damaged.
"""

import itertools
import os
import random
import subprocess
import tempfile
import zipfile
import zlib

FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"

SIZES = [(1, 1), (17, 13), (33, 40), (8, 8), (64, 3)]
SAMPLINGS = [
    "1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "4x4", "3x1", "1x3", "3x2",
    "1x1,2x1,2x1", "2x2,2x1,2x1", "2x2,1x2,1x2", "2x2,2x1,1x1", "4x1,2x1,1x1", "3x3,1x1,3x1",
]  # fmt: skip
CODINGS = ["baseline", "optimised", "progressive", "separate", "mixed"]
RESTARTS = ["0", "1", "3", "1B"]
COLOURS = [
    "jfif", "grey", "rgb", "adobe-0", "adobe-1", "jfif-adobe-0", "jfif-adobe-2", "bare", "bare-RGB", "bare-012",
]  # fmt: skip
SCANS = {"separate": "0;\n1;\n2;\n", "mixed": "0;\n1 2;\n"}


def picture(width, height, grain):
    """A PPM file: ramps, a coloured edge and grain."""
    samples = bytearray()
    for y in range(height):
        for x in range(width):
            colour = [x * 9 + y * 2, y * 11 + x, x * y + 3 * x]
            if x >= width // 2:
                colour = [colour[0] // 3, colour[1], colour[2] // 2]
            samples += bytes(min(255, max(0, v % 256 + grain.randrange(-20, 20))) for v in colour)
    return b"P6\n%d %d\n255\n" % (width, height) + samples


def without_applications(file):
    """The file without its segments APP0 to APP15."""
    out, at = file[:2], 2
    while file[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        if not 0xE0 <= file[at + 1] <= 0xEF:
            out += file[at:end]
        at = end
    return out + file[at:]


def adobe(transform):
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def renamed(file, names):
    """The file with other names of its components."""
    file, at, old = bytearray(file), 2, {}
    while at < len(file) - 1:
        marker = file[at + 1]
        if file[at] != 0xFF or marker in (0, 0xFF) or 0xD0 <= marker <= 0xD9:
            at += 1
            continue
        if marker in (0xC0, 0xC1, 0xC2):
            for i in range(file[at + 9]):
                old[file[at + 10 + 3 * i]] = names[i]
                file[at + 10 + 3 * i] = names[i]
        if marker == 0xDA:
            for i in range(file[at + 4]):
                file[at + 5 + 2 * i] = old[file[at + 5 + 2 * i]]
        at += 2 + int.from_bytes(file[at + 2 : at + 4], "big")
    return bytes(file)


def encode(size, sampling, coding, restart, colour):
    """A file, or None for what cannot be."""
    grey = colour == "grey"
    if grey and (coding in SCANS or "," in sampling):
        return None
    arguments = ["cjpeg", "-quality", "75", "-sample", sampling]
    arguments += ["-grayscale"] if grey else []
    arguments += ["-rgb"] if colour == "rgb" else []
    arguments += {"progressive": ["-progressive"], "optimised": ["-optimize"]}.get(coding, [])
    arguments += ["-restart", restart] if restart != "0" else []
    with tempfile.NamedTemporaryFile("w") as scans:
        if coding in SCANS:
            scans.write(SCANS[coding])
            scans.flush()
            arguments += ["-scans", scans.name]
        run = subprocess.run(arguments, input=picture(*size, random.Random(1)), capture_output=True)
    if run.returncode != 0:
        return None
    file = run.stdout
    if colour.startswith(("adobe", "bare")):
        file = without_applications(file)
    if "adobe" in colour:
        at = 20 if colour.startswith("jfif") else 2
        file = file[:at] + adobe(int(colour[-1])) + file[at:]
    if colour == "bare-RGB":
        file = renamed(file, b"RGB")
    if colour == "bare-012":
        file = renamed(file, [0, 1, 2])
    return file


def pairs(combination):
    return set(itertools.combinations(enumerate(combination), 2))


def whole_files():
    """Combinations until each pair of values has been met, as far as it can be."""
    choice = random.Random(2)
    met = set()
    everything = list(itertools.product(SIZES, SAMPLINGS, CODINGS, RESTARTS, COLOURS))
    choice.shuffle(everything)
    # Few files at first: those that meet many new pairs.
    for least in range(10, 0, -1):
        for combination in everything:
            if len(pairs(combination) - met) < least:
                continue
            file = encode(*combination)
            if file is not None:
                met |= pairs(combination)
                size, *rest = combination
                yield "_".join([f"{size[0]}x{size[1]}", *rest]).replace(",", "-"), file


def damaged(name, file, choice):
    """The file after one of several accidents to its entropy-coded data."""
    start, end = file.index(b"\xff\xda") + 14, len(file) - 2
    at = choice.randrange(start, end)
    match choice.choice(["cut", "flip", "drop", "zero"]):
        case "cut":
            return f"cut_{name}", file[:at]
        case "flip":
            changed = bytearray(file)
            changed[at] ^= 1 << choice.randrange(8)
            return f"flip_{name}", bytes(changed)
        case "drop":
            return f"drop_{name}", file[:at] + file[at + choice.randrange(1, end - at + 1) :]
        case _:
            until = min(at + 20, end)
            return f"zero_{name}", file[:at] + bytes(until - at) + file[until:]


def expected(file):
    environment = dict(os.environ, JSIMD_FORCENONE="1")
    run = subprocess.run(["djpeg"], input=file, capture_output=True, env=environment)
    samples = run.stdout.split(b"\n", 3)[-1] if run.returncode != 1 else b""
    return run.returncode, zlib.crc32(samples)


files = dict(whole_files())
choice = random.Random(3)
for name, file in list(files.items()):
    # What a truncated progressive file is filled up with depends on the version of the library.
    if len(file) > 700 and "progressive" not in name:
        files.update([damaged(name, file, choice)])

with zipfile.ZipFile(FOLDER + "jpeg-corpus.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    lines = ["name,exit code of djpeg,CRC-32 of the samples"]
    for name, file in sorted(files.items()):
        code, crc = expected(file)
        lines.append(f"{name}.jpg,{code},{crc:08x}")
        out.writestr(zipfile.ZipInfo(f"{name}.jpg"), file, zipfile.ZIP_DEFLATED)
    out.writestr(zipfile.ZipInfo("expected.csv"), "\n".join(lines) + "\n", zipfile.ZIP_DEFLATED)
print(len(files), "files")
