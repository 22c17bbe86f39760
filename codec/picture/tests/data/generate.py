"""Makes the small files of this folder with Pillow 12 or later: python generate.py

They are kinds of files that the crates used here cannot write (CMYK, animation, progressive and lossy files),
and metadata as another program stores it: each `tagged.*` picture carries tagged.icc, tagged.exif and tagged.xmp.
All show 24 x 16 pixels; the alpha of tagged.webp is (x * 255) // 23 in column x.
palette-of-4-bytes.png breaks the rules: a pixel of colour 0 of a palette that ends within its second colour.
"""

import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"
WIDTH, HEIGHT = 24, 16

y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
rgb = Image.fromarray(np.stack([x * 10, y * 15, (x + y) * 6], -1).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(Image.fromarray((x * 255 // (WIDTH - 1)).astype(np.uint8)))

rgb.convert("CMYK").save(FOLDER + "cmyk.jpg", quality=80)

frames = [rgb, rgb.transpose(Image.Transpose.ROTATE_180), rgb.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
for name, options in [("animated.png", {}), ("animated.webp", {"lossless": True})]:
    frames[0].save(FOLDER + name, save_all=True, append_images=frames[1:], duration=100, **options)

exif = Image.Exif()
exif[0x0112] = 6  # orientation: turned by 90 degrees
exif[0x010F] = "kiln test camera"
exif = exif.tobytes()
icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
xmp = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>'
)
rgb.save(FOLDER + "tagged.jpg", quality=85, progressive=True, exif=exif, icc_profile=icc, xmp=xmp)
rgba.save(FOLDER + "tagged.webp", quality=80, exif=exif, icc_profile=icc, xmp=xmp)
text = PngImagePlugin.PngInfo()
text.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
rgb.save(FOLDER + "tagged.png", exif=exif, icc_profile=icc, pnginfo=text)

for name, block in [("icc", icc), ("exif", exif.removeprefix(b"Exif\0\0")), ("xmp", xmp)]:
    with open(FOLDER + "tagged." + name, "wb") as file:
        file.write(block)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


with open(FOLDER + "palette-of-4-bytes.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n")
    file.write(chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 3, 0, 0, 0)))
    file.write(chunk(b"PLTE", bytes([0, 1, 2, 3])))
    file.write(chunk(b"IDAT", zlib.compress(bytes([0, 0]))))
    file.write(chunk(b"IEND", b""))
