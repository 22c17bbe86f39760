"""Renders the pictures of the folder above: python render.py [NAME...]

Needs Chromium, optipng, Pillow and the fonts that the README names. Uses no network.
"""

import os
import subprocess
import sys
import tempfile

import pixels
import terminal

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.dirname(HERE)

# Width and height in CSS pixels, and how many pixels of the picture one of them takes.
PAGES = {
    "text-page": (1024, 768, 1),
    "code-editor": (1280, 720, 1),
    "desktop": (1920, 1080, 1),
    "spreadsheet": (1366, 768, 1),
    "charts": (1200, 750, 1),
    "street-map": (1024, 768, 1),
    "web-page": (1280, 720, 1),
    "phone-app": (320, 568, 2),
    "logo": (640, 480, 1),
}
DRAWN = {"pixel-art": pixels.scene, "sprite-sheet": pixels.sheet, "terminal": terminal.screen}


def photograph(name, target):
    """Takes a screenshot of NAME.html with a fresh profile."""
    width, height, scale = PAGES[name]
    with tempfile.TemporaryDirectory() as profile:
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            "--allow-file-access-from-files", f"--user-data-dir={profile}", f"--window-size={width},{height}",
            f"--force-device-scale-factor={scale}", f"--screenshot={target}",
        ]
        environment = dict(os.environ)
        if name == "logo":
            command.append("--default-background-color=00000000")
        if name == "spreadsheet":
            command.append("--enable-lcd-text")
            environment["FONTCONFIG_FILE"] = os.path.join(HERE, "subpixel.conf")
        command.append(f"file://{HERE}/{name}.html")
        subprocess.run(command, check=True, timeout=120, env=environment, stderr=subprocess.DEVNULL)


def main():
    for name in sys.argv[1:] or [*PAGES, *DRAWN]:
        target = os.path.join(OUT, name + ".png")
        if name in PAGES:
            photograph(name, target)
        else:
            DRAWN[name]().save(target)
        subprocess.run(["optipng", "-quiet", "-o5", "-strip", "all", target], check=True)
        print(f"{name}: {os.path.getsize(target):,} bytes")


if __name__ == "__main__":
    main()
