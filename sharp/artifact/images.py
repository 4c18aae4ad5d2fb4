"""Pictures of figures, read with care: what a notebook leaves may be too large, or no picture."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from sharp.errors import SpecificationError


def read_image(path: Path) -> Image.Image:
    """Read a PNG image.

    Raises
    ------
    SpecificationError
        Where it is none, is damaged, or has more pixels than Pillow takes for harmless.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG",)) as image:
                image.load()
                return image.copy()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise SpecificationError(f"{path}: expected an image of at most {most} pixels, got a larger one") from None
    except Exception as error:  # a damaged file brings out errors of many types
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecificationError(f"{path}: expected a PNG image, got: {reason}") from None
