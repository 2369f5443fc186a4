"""Who speaks when, on a sound with several people: experimental.

What is said is cut into pieces of two seconds at most, at pauses first. Each is a Gaussian of its cepstra; the two that
are most alike become one, again and again, until the Bayesian information criterion says that those which are left are
different people (Chen and Gopalakrishnan, 1998) and they are no more than asked for. Then every moment is given to the
voice that it fits best, with a cost for each change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from app.notes.sounds.features import CEPSTRA, FRAMES_PER_S, Features, Floats
from app.notes.sounds.shapes import Turn

Array = npt.NDArray[np.float64]

PIECE_FRAMES = 200
FEWEST_FRAMES = 60  # that a Gaussian is made of
MOST_PIECES = 1200  # of longer recordings pieces are longer
PRIOR_FRAMES = 30  # of everybody's covariance that each one's has: a short piece alone would say more than it knows
PENALTY = 2.5  # more: fewer people are found
LEAST_SHARE = 0.05  # of what is said; somebody who says less is not told apart
BLOCK_FRAMES = 10  # a tenth of a second: the shortest that is told apart
SWITCH, SWITCH_AT_PAUSE = 60.0, 12.0  # what a change of the speaker costs, as a logarithm of likelihood
SHARPNESS = 0.3  # neighbouring frames are alike, so that their likelihoods count for less than single ones


@dataclass
class _Group:
    """Frames that are taken for one voice's: how many, their sum, the sum of their squares."""

    count: int
    total: Array
    squares: Array

    @classmethod
    def of(cls, frames: Floats) -> _Group:
        wide = frames.astype(np.float64)
        return cls(len(wide), wide.sum(axis=0), wide.T @ wide)


def turns_of(features: Features, most: int) -> list[Turn]:
    """In order; of one voice alone where no more are heard."""
    pieces = list(_pieces(features))
    if not pieces:
        return []
    groups = _clustered([_Group.of(features.cepstra[begin:end]) for begin, end in pieces], most)
    enough = sum(group.count for group in groups) * LEAST_SHARE
    groups = [group for group in groups if group.count >= enough]
    voices = _aligned(features, groups)
    for _ in range(2):  # with what each was given the voices are known better
        again = [_Group.of(features.cepstra[voices == number]) for number in np.unique(voices)]
        again = [group for group in again if group.count >= FEWEST_FRAMES]
        voices = _aligned(features, again)
    return _turns(features.places, voices)


def _pieces(features: Features) -> Iterator[tuple[int, int]]:
    """(begin, end) of stretches without a pause, cut into parts of equal length."""
    if not len(features.places):
        return
    length = max(PIECE_FRAMES, len(features.places) // MOST_PIECES)
    breaks = np.flatnonzero(np.diff(features.places) > 1) + 1
    for begin, end in zip([0, *breaks], [*breaks, len(features.places)], strict=True):
        parts = -(-(end - begin) // length)
        edges = np.linspace(begin, end, parts + 1).astype(int)
        for first, last in pairwise(edges):
            if last - first >= FEWEST_FRAMES:
                yield int(first), int(last)


def _clustered(groups: list[_Group], most: int) -> list[_Group]:
    """The two whose union costs least become one, until none should and there are no more than `most`."""
    counts = np.array([group.count for group in groups], np.float64)
    totals = np.stack([group.total for group in groups])
    squares = np.stack([group.squares for group in groups])
    common = _common(counts, totals, squares)
    spreads = _spread(counts, totals, squares, common)
    parameters = CEPSTRA + CEPSTRA * (CEPSTRA + 1) / 2
    penalty = PENALTY / 2 * parameters * np.log(counts.sum())

    def costs(one: int) -> Array:
        """Of one's union with each of the others; infinite for itself."""
        both = counts + counts[one]
        cost = 0.5 * (_spread(both, totals + totals[one], squares + squares[one], common) - spreads - spreads[one])
        cost[one] = np.inf
        result: Array = cost
        return result

    matrix = np.stack([costs(one) for one in range(len(groups))])
    while len(counts) > 1:
        one, other = sorted(divmod(int(matrix.argmin()), len(counts)))
        if matrix[one, other] > penalty and len(counts) <= most:
            break
        counts[one], totals[one], squares[one] = (
            counts[one] + counts[other],
            totals[one] + totals[other],
            squares[one] + squares[other],
        )
        counts, totals, squares, spreads = (np.delete(a, other, axis=0) for a in (counts, totals, squares, spreads))
        matrix = np.delete(np.delete(matrix, other, axis=0), other, axis=1)
        spreads[one] = _spread(counts[one : one + 1], totals[one : one + 1], squares[one : one + 1], common)[0]
        matrix[one] = matrix[:, one] = costs(one)
    return [_Group(int(n), total, square) for n, total, square in zip(counts, totals, squares, strict=True)]


def _common(counts: Array, totals: Array, squares: Array) -> Array:
    """The covariance of everything that is said."""
    mean = totals.sum(axis=0) / counts.sum()
    result: Array = squares.sum(axis=0) / counts.sum() - np.outer(mean, mean)
    return result


def _spread(
    counts: Array,
    totals: Array,
    squares: Array,
    common: Array,
) -> Array:
    """Of each group its frames times the logarithm of its covariance's determinant."""
    result: Array = counts * np.linalg.slogdet(_covariances(counts, totals, squares, common))[1]
    return result


def _covariances(
    counts: Array,
    totals: Array,
    squares: Array,
    common: Array,
) -> Array:
    means = totals / counts[:, None]
    own = squares / counts[:, None, None] - means[:, :, None] * means[:, None, :]
    share = (PRIOR_FRAMES / (PRIOR_FRAMES + counts))[:, None, None]
    result: Array = own * (1 - share) + common * share
    return result


def _aligned(features: Features, groups: list[_Group]) -> npt.NDArray[np.int64]:
    """The number of the voice of each frame: the likeliest way through all (Viterbi), in blocks."""
    if len(groups) == 1:
        return np.zeros(len(features.places), np.int64)
    counts = np.array([group.count for group in groups], np.float64)
    totals = np.stack([group.total for group in groups])
    squares = np.stack([group.squares for group in groups])
    covariances = _covariances(counts, totals, squares, _common(counts, totals, squares))
    frames = features.cepstra.astype(np.float64)
    fits = np.empty((len(frames), len(groups)))
    for number, covariance in enumerate(covariances):
        away = frames - totals[number] / counts[number]
        fits[:, number] = -0.5 * (
            np.einsum("ij,ij->i", away @ np.linalg.inv(covariance), away) + np.linalg.slogdet(covariance)[1]
        )
    starts = np.arange(0, len(frames), BLOCK_FRAMES)
    blocks = SHARPNESS * np.add.reduceat(fits, starts)
    pauses = features.places[starts] - features.places[np.maximum(starts - BLOCK_FRAMES, 0)] > BLOCK_FRAMES + 5
    best, ways = blocks[0], np.empty((len(blocks), len(groups)), np.int64)
    for number in range(1, len(blocks)):
        change = SWITCH_AT_PAUSE if pauses[number] else SWITCH
        from_best, staying = int(best.argmax()), np.arange(len(groups))
        changes = best.max() - change > best
        ways[number] = np.where(changes, from_best, staying)
        best = np.where(changes, best.max() - change, best) + blocks[number]
    way = np.empty(len(blocks), np.int64)
    way[-1] = best.argmax()
    for number in range(len(blocks) - 1, 0, -1):
        way[number - 1] = ways[number, way[number]]
    return np.repeat(way, BLOCK_FRAMES)[: len(frames)]


def _turns(places: npt.NDArray[np.int64], voices: npt.NDArray[np.int64]) -> list[Turn]:
    order = {int(voice): number for number, voice in enumerate(dict.fromkeys(voices.tolist()), start=1)}
    breaks = np.flatnonzero((np.diff(voices) != 0) | (np.diff(places) > FRAMES_PER_S)) + 1
    return [
        Turn(int(places[begin]) / FRAMES_PER_S, int(places[end - 1] + 1) / FRAMES_PER_S, order[int(voices[begin])])
        for begin, end in zip([0, *breaks], [*breaks, len(places)], strict=True)
    ]
