"""The `lstm` and `cnn` trainers beside the plain Keras loop, on the same slices in one run.

    python benchmarks/lstm.py                       # lstm: 200 models of ours, 20 of Keras
    python benchmarks/lstm.py --models 5000 --keras 0
    python benchmarks/lstm.py --trainer cnn

Each loop has a process with one thread to itself; seconds are CPU seconds per model, so other work
on the machine hardly counts. The first model, which waits for the compiler, is told apart. Growth
is that of the resident memory per model after the first tenth of them.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil

from runner.saving import save
from runner.trainer import Dataset
from runner.trainers import cnn, lstm

LENGTH, TEST = 1_032, 200
"""Values of a series: about 1,000 windows of 32."""
SLICES = 20
NETWORK = cnn.Params(networks=1, epochs=20)
HEADINGS = ("loop", "models", "first s", "CPU s", "models/s", "growth kB", "loss", "error", "file kB")


class Model(NamedTuple):
    """What one training came to."""

    loss: float  # of the training windows or rows
    error: float  # of the test ones
    kilobytes: float


def main() -> None:
    """Print a line for each loop, and how much faster ours is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trainer", choices=["lstm", "cnn"], default="lstm")
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--keras", type=int, default=20)
    given = parser.parse_args()
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", **dict.fromkeys(threads, "1")}
    print("".join(f"{heading:>12}" for heading in HEADINGS), flush=True)
    judged = min(SLICES, given.models, given.keras or given.models)
    spent = [
        measured(f"{whose} {given.trainer}", LOOPS[whose, given.trainer], count, judged)
        for whose, count in (("ours", given.models), ("keras", given.keras))
        if count
    ]
    if len(spent) == 2:
        print(f"ours is {spent[1] / spent[0]:.1f} times as fast")


def measured(name: str, loop: Callable[[int], Model], count: int, judged: int) -> float:
    """Run a loop in a process of its own and print its line; the CPU seconds of a model."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        first, spent, growth, models = pool.apply(looped, (loop, count))
    means = [statistics.fmean(column) for column in zip(*models[:judged], strict=True)]
    figures = [f"{first:.2f}", f"{spent:.4f}", f"{1 / spent:.1f}", f"{growth:.2f}"]
    figures += [f"{mean:.4f}" for mean in means]
    print("".join(f"{text:>12}" for text in (name, str(count), *figures)), flush=True)
    return spent


def looped(loop: Callable[[int], Model], count: int) -> tuple[float, float, float, list[Model]]:
    """Seconds of the first model and of the others, kB grown per model, and a model of each slice."""
    process, models, spent, memory = psutil.Process(), [], [], []
    for number in range(count):
        start = time.process_time()
        found = loop(number % SLICES)
        spent.append(time.process_time() - start)
        memory.append(process.memory_info().rss / 1024)
        models += [found] if number < SLICES else []
    settled = count // 10
    growth = (memory[-1] - memory[settled]) / max(1, count - 1 - settled)
    return spent[0], statistics.fmean(spent[1:] or spent), growth, models


def series(number: int) -> Dataset:
    """A metric with a daily season, autoregressive noise and a few spikes."""
    chance = np.random.default_rng(number)
    noise = np.zeros(LENGTH + TEST)
    for place in range(1, noise.size):
        noise[place] = 0.6 * noise[place - 1] + chance.normal(0, 0.3)
    noise[chance.integers(0, noise.size, 5)] += 3.0
    values = pd.Series(10 + 3 * np.sin(np.arange(noise.size) * 2 * np.pi / 24) + noise)
    return Dataset(train=values[:LENGTH], test=values[LENGTH:], period=24, seed=number)


def digits(number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """240 handwritten digits of scikit-learn, and the 60 after them."""
    start = number % 5 * 300
    rows = all_digits().iloc[start : start + 300]
    return rows[:240], rows[240:]


@functools.cache
def all_digits() -> pd.DataFrame:
    """The 1,797 of them, read once."""
    from sklearn.datasets import load_digits

    return load_digits(as_frame=True).frame.rename(columns={"target": "label"})  # type: ignore[no-any-return]


def size_of(model: Any, trainer: str) -> float:
    """kB of the file that a run would keep."""
    (content,) = save(model, None, trainer=trainer).files.values()
    assert isinstance(content, bytes)
    return len(content) / 1e3


def our_lstm(number: int) -> Model:
    """The trainer as a run calls it; errors in units of the series."""
    given, params = series(number), lstm.Params()
    model = lstm.train(given, params)
    values, test = given.train.to_numpy(), given.test.to_numpy()
    scaled = (values - model.center) / model.spread
    windows = np.lib.stride_tricks.sliding_window_view(scaled, params.window + 1)
    loss = float(np.mean((model.weights.forward(windows[:, :-1]) - windows[:, -1]) ** 2))
    return Model(loss, float(np.abs(model.one_step(test) - test).mean()), size_of(model, "lstm"))


def keras_lstm(number: int) -> Model:
    """The same network as a user writes it: built, compiled and fitted for each slice."""
    import keras

    given, params = series(number), lstm.Params()
    values = np.concatenate([given.train.to_numpy(), given.test.to_numpy()])
    center, spread = values[:LENGTH].mean(), values[:LENGTH].std()
    windows = np.lib.stride_tricks.sliding_window_view((values - center) / spread, params.window + 1)
    inputs, answers = windows[:, :-1, None], windows[:, -1]
    known = LENGTH - params.window
    layers = [keras.layers.LSTM(params.units), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((params.window, 1)), *layers])
    model.compile("adam", "mse")
    model.fit(inputs[:known], answers[:known], epochs=params.epochs, batch_size=params.batch, verbose=0)
    found = model.predict(inputs, verbose=0)[:, 0]
    loss = float(np.mean((found - answers)[:known] ** 2))
    return Model(loss, float(spread * np.abs((found - answers)[known:]).mean()), kept_by_keras(model))


def our_cnn(number: int) -> Model:
    """One network; the loss is the share of training rows that it gets wrong."""
    train, test = digits(number)
    model = cnn.train(Dataset(train=train, test=test, seed=number), NETWORK)
    seen, unseen = (float(np.mean(model.predict(rows) != rows["label"])) for rows in (train, test))
    return Model(seen, unseen, size_of(model, "cnn"))


def keras_cnn(number: int) -> Model:
    """The same network and epochs as a user writes it, without distortions."""
    import keras

    layers = keras.layers
    train, test = digits(number)
    convolutions = [
        layers.Conv2D(filters, 3, padding="same", activation="relu")
        for filters in (NETWORK.filters, 2 * NETWORK.filters)
    ]
    dense = [layers.Dense(NETWORK.hidden, activation="relu"), layers.Dense(10, activation="softmax")]
    stack = [keras.Input((8, 8, 1)), *convolutions, layers.MaxPooling2D(), layers.Flatten(), *dense]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy")
    pixels = [rows.drop(columns="label").to_numpy().reshape(-1, 8, 8, 1) / 16 for rows in (train, test)]
    model.fit(pixels[0], train["label"], epochs=NETWORK.epochs, batch_size=NETWORK.batch, verbose=0)
    found = [model.predict(each, verbose=0).argmax(axis=1) for each in pixels]
    seen, unseen = (float(np.mean(a != b["label"])) for a, b in zip(found, (train, test), strict=True))
    return Model(seen, unseen, kept_by_keras(model))


def kept_by_keras(model: Any) -> float:
    """kB of a .keras file."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(path := Path(folder) / "model.keras")
        return path.stat().st_size / 1e3


LOOPS = {
    ("ours", "lstm"): our_lstm,
    ("keras", "lstm"): keras_lstm,
    ("ours", "cnn"): our_cnn,
    ("keras", "cnn"): keras_cnn,
}

if __name__ == "__main__":
    main()
