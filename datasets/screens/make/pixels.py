"""Pixel art: a scene of a game, each of its pixels 4 x 4 pixels of the picture, and a sheet of sprites."""

import random

from PIL import Image, ImageDraw

PALETTE = {
    "outline": (26, 28, 44), "plum": (93, 39, 93), "red": (177, 62, 83), "orange": (239, 125, 87),
    "yellow": (255, 205, 117), "lime": (167, 240, 112), "green": (56, 183, 100), "teal": (37, 113, 121),
    "navy": (41, 54, 111), "blue": (59, 93, 201), "sky": (65, 166, 246), "cyan": (115, 239, 247),
    "white": (244, 244, 244), "silver": (148, 176, 194), "slate": (86, 108, 134), "dusk": (51, 60, 87),
}
INDEX = {name: i for i, name in enumerate(PALETTE)}

# One letter for each colour; a full stop is transparent.
LETTERS = dict(zip("kprocynltdbeawsgi", [
    "outline", "plum", "red", "orange", "cyan", "yellow", "navy", "lime", "teal", "dusk", "blue", "green", "sky",
    "white", "silver", "slate", "green"]))

HERO = """
.....kkkkk......
...kkrrrrrkk....
..krrrrrrrrrk...
..kkkkkkkkkkkk..
..kpyoyyoyk.....
..kpyykyyky.....
..kkyyyyyyk.....
...kkyyyyk......
..kbbkkkkbk.....
.kbbbbyybbbk....
.kybbbbbbbyk....
.kyybbbbbyyk....
..kkbbbbbkk.....
..kddkkkddk.....
..kppk.kppk.....
..kkkk.kkkk.....
"""
STEP = HERO[:-3 * 17] + """..kddddddk......
.kppkkddkppk....
.kkkk..kkkkk....
"""
SLIME = """
................
................
................
................
.....kkkkkk.....
...kklllllekk...
..kllwlllleek...
..klwlllllleek..
.klllkllklleeek.
.klllkllklleeek.
.kllllllllleeek.
.klllkkkklleeek.
.keellllleeeeek.
.keeeeeeeeeeetk.
..kkttttttttkk..
....kkkkkkkk....
"""
COIN = """
................
.....kkkkkk.....
...kkyyyyyykk...
..kyywwyyyyook..
..kywyyooyyyok..
.kyywyoyyoyyook.
.kyyyyoyyyyyook.
.kyyyyoyyyyyook.
.kyyyyoyyyyyook.
.kyyyyoyyoyyook.
.kyyyyyooyyyook.
..kyyyyyyyyook..
..koyyyyyyoook..
...kkoooooookk..
.....kkkkkk.....
................
"""
CHEST = """
................
................
..kkkkkkkkkkkk..
.kooooooooooook.
.kopppppppppook.
.koppppppppppok.
.kkkkkkyykkkkkk.
.kooookyykooook.
.kopppkyykpppok.
.koppppkkppppok.
.kopppppppppook.
.kopppppppppook.
.koppppppppppok.
.kooooooooooook.
..kkkkkkkkkkkk..
................
"""
HEART = """
................
................
..kkkk...kkkk...
.krrrrk.krrrrk..
krrwwrrkrrrrrpk.
krwwrrrrrrrrrpk.
krwrrrrrrrrrrpk.
krrrrrrrrrrrrpk.
.krrrrrrrrrrpk..
..krrrrrrrrpk...
...krrrrrrpk....
....krrrrpk.....
.....krrpk......
......kpk.......
.......k........
................
"""
POTION = """
......kkkk......
......kook......
......kook......
.....kkkkkk.....
......kssk......
......kswk......
.....ksswsk.....
....ksaaawsk....
...ksaaaaawsk...
..ksbaaacaaask..
..ksbbaaaacask..
..ksbbbaaaaask..
..ksbbbbbaaask..
...ksbbbbbbsk...
....kssssssk....
.....kkkkkk.....
"""
TREE = """
......kkkkk.....
....kkleeeekk...
...kleeleeeetk..
..kleeeeeleeetk.
..keeleeeeeettk.
.kleeeeleeeeettk
.keeeleeeeleettk
.keeeeeeleeetttk
..keleeeeeetttk.
..kkeeeettttkk..
....kkkpokkk....
......kpok......
......kpok......
......kpok......
.....kppook.....
....kkkkkkkk....
"""


def stamp(text):
    """The rows of a drawing made of letters, 16 pixels wide."""
    return [line.ljust(16, ".")[:16] for line in text.strip("\n").split("\n")]


def put(image, rows, left, top, flip=False, recolour=None):
    """Draws rows of letters onto a palette image; full stops stay as they are."""
    for y, row in enumerate(rows):
        for x, letter in enumerate(row[::-1] if flip else row):
            if letter != "." and 0 <= left + x < image.width and 0 <= top + y < image.height:
                name = LETTERS[letter]
                image.putpixel((left + x, top + y), INDEX[(recolour or {}).get(name, name)])


def blank(size):
    image = Image.new("P", size, INDEX["navy"])
    image.putpalette([sample for colour in PALETTE.values() for sample in colour])
    return image


def scene():
    """A platform game at dusk: 240 x 160 pixels, enlarged to 960 x 640."""
    chance = random.Random(3)
    image = blank((240, 160))
    draw = ImageDraw.Draw(image)
    bands = [(0, "navy"), (26, "blue"), (52, "sky"), (82, "cyan"), (102, "yellow"), (114, "orange")]
    for top, name in bands:
        draw.rectangle([0, top, 239, 159], fill=INDEX[name])
    for (above, (top, _)) in zip(["navy", "blue", "sky", "cyan", "yellow"], bands[1:]):
        for y in range(4):
            for x in range(240):
                if (x + y * 2) % (4 if y < 2 else 2) == 0:
                    image.putpixel((x, top + y), INDEX[above])
    for _ in range(28):
        image.putpixel((chance.randrange(240), chance.randrange(40)), INDEX["white"])
    draw.ellipse([180, 30, 200, 50], fill=INDEX["white"])
    draw.ellipse([175, 30, 194, 48], fill=INDEX["blue"])
    for left, top, wide in [(20, 40, 44), (96, 56, 36), (140, 34, 26), (206, 62, 30)]:
        for part in range(4):
            x = left + part * wide // 5
            draw.ellipse([x, top - 5 + part % 2 * 4, x + wide // 3, top + 6], fill=INDEX["white"])
        draw.rectangle([left + 3, top + 3, left + wide - 4, top + 6], fill=INDEX["silver"])
    for far, base, reach in [("slate", 118, 46), ("dusk", 130, 32)]:
        height = 20.0
        for x in range(240):
            height = min(max(height + chance.choice([-1, -1, 0, 1, 1]), 8), reach)
            draw.line([x, base - int(height), x, 159], fill=INDEX[far])
            if far == "slate" and height > 28:
                draw.line([x, base - int(height), x, base - int(height) + (x % 3)], fill=INDEX["white"])
    for x in range(0, 240, 16):
        for y in (128, 144):
            if 96 <= x < 128:
                top = y + (4 if y == 128 else 0)
                draw.rectangle([x, top, x + 15, y + 15], fill=INDEX["blue"])
                if y == 128:
                    for wave in range(16):
                        image.putpixel((x + wave, y + 4 + (wave // 4) % 2), INDEX["cyan"])
                continue
            draw.rectangle([x, y, x + 15, y + 15], fill=INDEX["plum"])
            for _ in range(9):
                px, py = x + chance.randrange(14), y + chance.randrange(15)
                draw.rectangle([px, py, px + 1, py], fill=INDEX["red"])
            if y == 128:
                draw.rectangle([x, y, x + 15, y + 3], fill=INDEX["green"])
                for blade in range(16):
                    if chance.random() < 0.5:
                        draw.line([x + blade, y + 4, x + blade, y + 4 + chance.randrange(3)], fill=INDEX["green"])
                    if chance.random() < 0.35:
                        image.putpixel((x + blade, y), INDEX["lime"])
    for x in (48, 64, 80, 144, 160):
        y = 92 if x < 100 else 76
        draw.rectangle([x, y, x + 15, y + 11], fill=INDEX["red"], outline=INDEX["outline"])
        draw.line([x + 1, y + 6, x + 14, y + 6], fill=INDEX["outline"])
        draw.line([x + 8, y + 1, x + 8, y + 5], fill=INDEX["outline"])
        draw.line([x + 4, y + 7, x + 4, y + 10], fill=INDEX["outline"])
        draw.line([x + 1, y + 1, x + 7, y + 1], fill=INDEX["orange"])
    for left in (2, 22, 134, 208):
        put(image, stamp(TREE), left, 112)
    put(image, stamp(HERO), 64, 76)
    put(image, stamp(SLIME), 178, 112)
    put(image, stamp(SLIME), 148, 60, flip=True, recolour={"lime": "yellow", "green": "orange", "teal": "red"})
    put(image, stamp(CHEST), 192, 112)
    for k in range(3):
        put(image, stamp(COIN), 92 + k * 17, 84 - (k == 1) * 8)
        put(image, stamp(HEART), 4 + k * 17, 2, recolour={"red": "slate", "plum": "dusk"} if k == 2 else None)
    return image.resize((960, 640), Image.Resampling.NEAREST)


def sheet():
    """Sprites in cells of 16 x 16 pixels, doubled, on a transparent ground: 640 x 480."""
    image = blank((320, 240))
    empty = len(PALETTE)
    image.putpalette([*image.getpalette()[:3 * empty], 255, 255, 255])
    image.paste(empty, (0, 0, *image.size))
    dyes = [None, {"red": "green", "blue": "teal"}, {"red": "blue", "blue": "red"}, {"red": "yellow", "blue": "plum"},
            {"red": "silver", "blue": "slate"}, {"red": "orange", "blue": "navy"}]
    slimes = [None, {"lime": "cyan", "green": "sky", "teal": "blue"},
              {"lime": "yellow", "green": "orange", "teal": "red"}]
    shades = [None, {"red": "green", "yellow": "silver", "orange": "slate", "sky": "lime", "blue": "green"},
              {"red": "sky", "yellow": "orange", "orange": "red", "sky": "orange", "blue": "red"}]
    things = [COIN, CHEST, HEART, POTION, TREE]
    for row in range(12):
        for column in range(20):
            left, top = column * 16, row * 20 + 2
            bob = column % 2
            if row < 6:
                if column < 16:
                    put(image, stamp(STEP if bob else HERO), left, top + bob, flip=column >= 8, recolour=dyes[row])
            elif row < 9:
                jump = (0, 1, 3, 1)[column % 4]
                put(image, stamp(SLIME), left, top - jump, recolour=slimes[row - 6], flip=column >= 10)
            elif column < 18:
                thing = things[(column // 2 + row) % 5]
                put(image, stamp(thing), left, top + bob, recolour=shades[row - 9])
    image = image.resize((640, 480), Image.Resampling.NEAREST)
    image.info["transparency"] = empty
    return image
