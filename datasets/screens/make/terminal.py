"""A terminal: sixteen colours, a bitmap font without antialiasing."""

import random

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/opentype/terminus/terminus-{}.otb"
SIZE, CELL = 16, (8, 16)
COLUMNS, ROWS = 100, 38
PALETTE = [
    (16, 18, 22), (205, 60, 60), (80, 190, 90), (215, 180, 70), (80, 130, 220), (180, 90, 200), (70, 190, 200),
    (200, 200, 200), (95, 100, 110), (255, 110, 100), (130, 235, 130), (255, 225, 120), (130, 175, 255),
    (235, 140, 250), (130, 240, 245), (255, 255, 255),
]
BLACK, RED, GREEN, YELLOW, BLUE, VIOLET, CYAN, GREY, DIM = range(9)
BRIGHT = 8


def lines():
    """The text: for each line a list of (text, colour, background)."""
    chance = random.Random(5)
    prompt = [("ines@skerry", GREEN + BRIGHT, 0), (":", GREY, 0), ("~/tide-table", BLUE + BRIGHT, 0), ("$ ", GREY, 0)]
    yield prompt + [("ls -l --color", 15, 0)]
    yield [("total 148", GREY, 0)]
    listing = [
        ("drwxr-xr-x", 4096, "benches", BLUE + BRIGHT), ("-rw-r--r--", 41207, "Cargo.lock", GREY),
        ("-rw-r--r--", 812, "Cargo.toml", GREY), ("-rwxr-xr-x", 2210, "fetch-stations", GREEN + BRIGHT),
        ("lrwxrwxrwx", 19, "latest -> results/2025-10-14", CYAN + BRIGHT),
        ("-rw-r--r--", 73114, "skerry.tar.gz", RED + BRIGHT),
        ("drwxr-xr-x", 4096, "src", BLUE + BRIGHT), ("drwxr-xr-x", 4096, "tests", BLUE + BRIGHT),
    ]
    for mode, size, name, colour in listing:
        yield [(f"{mode} 1 ines ines {size:>6} Oct 14 09:{chance.randrange(60):02} ", GREY, 0), (name, colour, 0)]
    yield prompt + [("git diff --stat", 15, 0)]
    for name, plus, minus in [("src/predict.rs", 31, 12), ("src/station.rs", 8, 3), ("tests/turning.rs", 24, 0)]:
        yield [(f" {name:<18} | {plus + minus:>3} ", GREY, 0), ("+" * plus, GREEN, 0), ("-" * minus, RED, 0)]
    yield [(" 3 files changed, 63 insertions(+), 15 deletions(-)", GREY, 0)]
    yield prompt + [("cargo test", 15, 0)]
    yield [("   Compiling", GREEN + BRIGHT, 0), (" tide-table v0.3.1 (/home/ines/tide-table)", GREY, 0)]
    yield [("warning", YELLOW + BRIGHT, 0), (": unused variable: `angle`", 15, 0)]
    yield [("  --> ", BLUE + BRIGHT, 0), ("src/predict.rs:22:17", GREY, 0)]
    yield [("   |", BLUE + BRIGHT, 0)]
    yield [("22 |", BLUE + BRIGHT, 0), ("             let angle = c.speed * hours + c.phase;", GREY, 0)]
    yield [("   |", BLUE + BRIGHT, 0),
           ("                 ^^^^^ help: prefix it with an underscore", YELLOW + BRIGHT, 0)]
    yield [("running 5 tests", GREY, 0)]
    for name, good in [("harmonics::sums_to_the_mean", True), ("predict::turns_twice_a_day", True),
                       ("predict::spring_after_new_moon", False), ("station::reads_back", True),
                       ("units::feet_to_metres", True)]:
        yield [(f"test {name} ... ", GREY, 0), ("ok", GREEN, 0) if good else ("FAILED", RED, 0)]
    yield [("test result: ", GREY, 0), ("FAILED", RED + BRIGHT, 0),
           (". 4 passed; 1 failed; finished in 0.42s", GREY, 0)]
    yield prompt + [("stations --bars", 15, 0)]
    yield [("┌" + "─" * 14 + "┬" + "─" * 60 + "┐", CYAN, 0)]
    for name, level, colour in [("Hollin", 41, GREEN), ("Skerry", 55, YELLOW), ("Port Ardle", 28, GREEN)]:
        bar = "█" * level + "▓▒░"
        yield [("│", CYAN, 0), (f" {name:<13}", 15, 0), ("│", CYAN, 0), (bar, colour, 0),
               (" " * (60 - len(bar)), 7, 0), ("│", CYAN, 0)]
    yield [("└" + "─" * 14 + "┴" + "─" * 60 + "┘", CYAN, 0)]
    yield prompt + [(" ", BLACK, GREY)]


def screen():
    """The screen as a palette picture."""
    image = Image.new("P", (COLUMNS * CELL[0], ROWS * CELL[1]), 0)
    image.putpalette([sample for colour in PALETTE for sample in colour])
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"
    fonts = {bold: ImageFont.truetype(FONT.format("bold" if bold else "normal"), SIZE) for bold in (False, True)}

    def put(row, column, text, colour, background):
        for character in text:
            x, y = column * CELL[0], row * CELL[1]
            if background:
                draw.rectangle([x, y, x + CELL[0] - 1, y + CELL[1] - 1], fill=background)
            draw.text((x, y), character, fill=colour, font=fonts[colour >= BRIGHT])
            column += 1
        return column

    for row, parts in enumerate(list(lines())[:ROWS - 1]):
        column = 0
        for text, colour, background in parts:
            column = put(row, column, text, colour, background)
    status = " [0] 0:bash  1:editor* 2:log"
    clock = '"skerry" 09:41 14-Oct-25 '
    put(ROWS - 1, 0, status + " " * (COLUMNS - len(status) - len(clock)) + clock, BLACK, GREEN)
    return image
