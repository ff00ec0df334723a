"""Leiden clusters of all cells together, with propeller's test; Harmony before them."""

from __future__ import annotations

from _clusters import harmony, leiden, of_clusters
from _job import Answer, Job


def clusters(job: Job) -> Answer:
    """Leiden clusters of the points as they are."""
    return of_clusters(job, leiden(job.points, job.seed))


def harmony_clusters(job: Job) -> Answer:
    """Leiden clusters after Harmony as its package sets it."""
    return of_clusters(job, leiden(harmony(job), job.seed))


def harmony_l1_clusters(job: Job) -> Answer:
    """Leiden clusters after Harmony with the published penalty of 1, which corrects more."""
    return of_clusters(job, leiden(harmony(job, 1.0), job.seed))
