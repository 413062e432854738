"""`course film`: draw and encode the film of lesson 1's start page, with captions, poster and transcript.

What students get is committed, for they have no encoder. The record beside it holds what was drawn, small, and the
film's hash, so that a test can tell whether the film still belongs to its story. The same encoder gives the same
bytes again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from course.authoring.film.frames import HEIGHT, WIDTH, frame
from course.authoring.film.story import begins, length, transcript, webvtt
from course.errors import CourseError

SUMMARY = "draw the film of lesson 1's start page anew (needs ffmpeg)"
FOLDER = Path(str(files("course.labs.what_is_mlops") / "film"))
FRAMES_A_SECOND = 12
MOST_BYTES = 2_500_000
#: The brightness of the whole picture may change by so much from one frame to the next: far from a flash, which by
#: WCAG 2.3.1 is a tenth, up and down.
MOST_CHANGE = 0.05
POSTER_AT = 31.0  # seconds: the month complete, and nothing pointed to
SMALL = (32, 18)  # pixels of a recorded frame


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course film`."""
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to put it (default: the lesson's folder)")


def run(options: argparse.Namespace) -> int:
    """Draw and encode; raise CourseError without an encoder, or when the film flashes or weighs too much."""
    encoder = shutil.which("ffmpeg")
    if encoder is None:
        raise CourseError("`course film` needs ffmpeg on PATH, and there is none; on Debian: apt-get install ffmpeg")
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    film = out / "start.mp4"
    brightest_step = encode(encoder, film)
    weight = film.stat().st_size
    if brightest_step > MOST_CHANGE:
        raise CourseError(f"brightness jumps by {brightest_step:.0%} between two frames; {MOST_CHANGE:.0%} is allowed")
    if weight > MOST_BYTES:
        raise CourseError(f"the film has {weight:,} bytes; there is room for {MOST_BYTES:,}: draw less that moves")
    poster = Image.fromarray(pixels_at(POSTER_AT)).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS)
    # An octree keeps a small patch of its own colour, as the lights are; the usual way gives it to a larger one.
    octree = Image.Quantize.FASTOCTREE
    poster.quantize(128, octree, dither=Image.Dither.NONE).save(out / "start.png", optimize=True)
    (out / "start.vtt").write_text(webvtt(), encoding="utf-8")
    record = {
        "seconds": length(),
        "transcript": transcript(),
        "sha256": hashlib.sha256(film.read_bytes()).hexdigest(),
        "brightest_step": round(brightest_step, 4),
        "frames": {f"{second:g}": small(second) for second in sample_seconds()},
    }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (out / "start.json").write_text(text + "\n", encoding="utf-8")
    print(f"{length():g} s, {weight:,} bytes, brightness changes by at most {brightest_step:.1%} a frame: {film}")
    return 0


def encode(encoder: str, film: Path) -> float:
    """Write the film as H.264 that every browser plays; return the largest change of brightness between frames."""
    words = [
        encoder, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}",
        "-r", str(FRAMES_A_SECOND), "-i", "-", "-an", "-c:v", "libx264", "-profile:v", "main", "-pix_fmt", "yuv420p",
        "-preset", "slow", "-tune", "animation", "-crf", "25", "-g", str(5 * FRAMES_A_SECOND), "-threads", "1",
        "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", str(film),
    ]  # fmt: skip
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None and process.stderr is not None
    before, largest = None, 0.0
    try:
        for picture in pictures():
            brightness = float(picture.mean()) / 255
            largest = max(largest, abs(brightness - (brightness if before is None else before)))
            before = brightness
            process.stdin.write(picture.tobytes())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it says why below
    complaint = process.stderr.read().decode(errors="replace")
    if process.wait():
        raise CourseError(f"ffmpeg could not encode the film: {complaint.strip()[-500:]}")
    return largest


def pictures() -> Iterator[np.ndarray]:
    """Yield every frame in order, drawn by as many processes as there are cores."""
    import joblib

    seconds = np.arange(round(length() * FRAMES_A_SECOND)) / FRAMES_A_SECOND
    yield from joblib.Parallel(n_jobs=-1, return_as="generator", pre_dispatch="2*n_jobs", batch_size=8)(
        joblib.delayed(pixels_at)(float(second)) for second in seconds
    )


def pixels_at(second: float) -> np.ndarray:
    """Return the picture at a second as (height, width, 3) bytes."""
    from course.labs.canvas import draw_on_canvas

    (width, height), drawn = draw_on_canvas(frame(second))
    return np.asarray(drawn, dtype=np.uint8).reshape(height, width, 4)[..., :3].copy()


def sample_seconds() -> list[float]:
    """Return the middle of every act."""
    ends = [*begins().values(), length()]
    return [round((begin + end) / 2, 3) for begin, end in pairwise(ends)]


def small(second: float) -> str:
    """Return a frame as a few grey pixels, row by row in hexadecimal: enough to see whether something else is drawn."""
    picture = Image.fromarray(pixels_at(second)).convert("L").resize(SMALL, Image.Resampling.BOX)
    return picture.tobytes().hex()
