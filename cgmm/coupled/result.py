"""Result of a coupled fit, and the names under which its parts are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cgmm.mixture.checks import as_points
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SIDES, Pair
from cgmm.transport.coupling import log2_net, share_of_target

OF_MIXTURE = ("weights", "means", "covariances")
ARRAYS = ("coupling", "costs", "history", "shares_source", "shares_target")
OF_CELLS = (
    *("log2_net_cells", "log2_net_target_cells", "origins", "origins_of_partitions"),
    *("populations_source", "populations_target"),
)
OPTIONAL_ARRAYS = ("metric", "votes", "populations_elsewhere", *OF_CELLS)
ARRAY_NAMES = (
    *ARRAYS,
    *(f"{side}_{name}" for side in SIDES for name in OF_MIXTURE),
    *OPTIONAL_ARRAYS,
)
FACTS = (
    "parameters",
    "reasons",
    "sensitivity",
    "converged",
    "status",
    "n_steps",
    "seconds",
    "objective",
    "transport_cost",
    "log_likelihood",
)


@dataclass(frozen=True)
class CoupledFit:
    """Result of :func:`cgmm.fit_coupled`.

    Attributes
    ----------
    source
        Fitted mixture of the source, with the weights that maximise the penalised objective.
    target
        Fitted mixture of the target, with weights of the same kind.
    coupling
        Masses ``W``, shape (K0, K1).  The sum is about one or less.
    costs
        Squared Wasserstein distances between components, shape (K0, K1).
    transport_cost
        ``UW`` at the solution.
    shares_source
        Prevalence of every source component, shape (K0,): maximum-likelihood weights at fixed means
        and covariances.  Shares leave out the transport penalty, which would bias changes of
        prevalence towards zero.
    shares_target
        Prevalence of every target component, shape (K1,), computed in the same way.
    log_likelihood
        Mean log likelihood per unit of weight of source and target, with the shares as weights and
        without ridge.
    objective
        Objective (P) of :mod:`cgmm.coupled.fit`, with ridge and prior.
    converged
        Whether the fit converged.
    status
        Sentence that describes how the fit ended (:class:`cgmm.coupled.outcome.Outcome`).
    history
        Objective at the start and after every step that was taken, shape (n_steps,).
    n_steps
        Number of values in ``history``.
    seconds
        Wall time of the fit.
    parameters
        Values of all parameters, including the parameters that were not given.
    reasons
        For each parameter that :func:`cgmm.tl.fit` chose, by name: the reason for its value, in a
        sentence.
    sensitivity
        Results under other choices (:mod:`cgmm.automatic.sensitivity`).  Empty when no other choice
        was tried.
    metric
        Matrix by which points are multiplied before costs are computed, shape (D, D), symmetric
        (:mod:`cgmm.automatic.metric`).  None: points are not multiplied.
    votes
        ``R`` counted over cells: the part of each target component that came from each source
        component, shape (K0, K1) (:mod:`cgmm.automatic.origins`).  None: :attr:`origin` follows
        from the coupling.
    log2_net_cells
        Log2 net factor of every source point, counted over cells, shape (N0,)
        (:mod:`cgmm.automatic.cell_factors`).  None: the factor of a point follows from the factors
        of its components.
    log2_net_target_cells
        The same of every target point, shape (N1,); ``inf`` for points that are new.
    origins
        Position of the source point from which each target point came, shape (N1,), -1 for points
        without an origin: one draw from the source points to which it is assigned
        (:mod:`cgmm.automatic.origins`), so that counts over points are without bias.
    origins_of_partitions
        The same by the assignments of each partition alone, shape (n_partitions, N1).  Several
        targets are searched for populations together with these draws
        (:mod:`cgmm.automatic.shared_populations`).
    populations_source, populations_target
        Population (0, 1, ...) of every point, shapes (N0,) and (N1,)
        (:mod:`cgmm.automatic.populations`).  None: no populations were looked for.
    populations_elsewhere
        Log2 factor of every population under other choices, less its factor, (n_choices, P).
    """

    source: GaussianMixture
    target: GaussianMixture
    coupling: np.ndarray
    costs: np.ndarray
    transport_cost: float
    shares_source: np.ndarray
    shares_target: np.ndarray
    log_likelihood: tuple[float, float]
    objective: float
    converged: bool
    status: str
    history: np.ndarray
    n_steps: int
    seconds: float
    parameters: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    sensitivity: list[dict[str, Any]] = field(default_factory=list)
    metric: np.ndarray | None = None
    votes: np.ndarray | None = None
    log2_net_cells: np.ndarray | None = None
    log2_net_target_cells: np.ndarray | None = None
    origins: np.ndarray | None = None
    origins_of_partitions: np.ndarray | None = None
    populations_source: np.ndarray | None = None
    populations_target: np.ndarray | None = None
    populations_elsewhere: np.ndarray | None = None

    @property
    def mixtures(self) -> Pair[GaussianMixture]:
        """Both mixtures."""
        return Pair(self.source, self.target)

    @property
    def origin(self) -> np.ndarray:
        """``R``, the part of each target component that came from each source component.

        Shape (K0, K1).  Columns sum to one; the columns of components that are new sum to zero.
        """
        if self.votes is not None:
            return self.votes
        return share_of_target(self.coupling, self.shares_source)

    @property
    def log2_net(self) -> np.ndarray:
        """Log2 net factor of each source component, shape (K0,)."""
        return log2_net(self.origin, self.shares_source, self.shares_target)

    @property
    def transported_mass(self) -> float:
        """Total mass ``F`` of the coupling."""
        return float(self.coupling.sum())

    @property
    def normalised_coupling(self) -> np.ndarray:
        """Coupling of unit mass, ``W / F``."""
        return self.coupling / self.coupling.sum()

    @property
    def out_factors(self) -> np.ndarray:
        """Outflow factor of each source component at unit mass, shape (K0,)."""
        return self.normalised_coupling.sum(1) / self.source.weights

    @property
    def in_factors(self) -> np.ndarray:
        """Inflow factor of each target component at unit mass, shape (K1,)."""
        return self.target.weights / self.normalised_coupling.sum(0)

    @property
    def net_factors(self) -> np.ndarray:
        """Net factor ``out_k in_l`` of the weight of a point transported from k to l: (K0, K1).

        The total mass ``F`` cancels.
        """
        return self.out_factors[:, None] * self.in_factors

    def transport(self, points: np.ndarray) -> np.ndarray:
        """Return the positions of source points in the target, by the barycentric map.

        Every pair of components has an affine map.  The barycentric map is the mean of these maps,
        weighted by the responsibilities of the point and by the transfers of each component (Delon
        & Desolneux 2020, eq. 6.2; :mod:`cgmm.transport.barycentric_map`).

        Parameters
        ----------
        points
            Shape (N, D), finite.

        Returns
        -------
        Shape (N, D).  NaN for points with more than half of their responsibility in components that
        are gone.

        Raises
        ------
        TypeError, ValueError
            When the points are not a finite array with D columns.
        """
        from cgmm.transport.barycentric_map import BarycentricMap

        x = as_points("points", points, self.source.n_dims)
        map_ = BarycentricMap.of(self.source, self.target, self.coupling)
        return x + map_.displacement(x, self.source.responsibilities(x))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays of the fit, by the names under which they are stored.

        Returns
        -------
        Arrays by name, without the fields that are None.  Parts of a mixture have names such as
        ``source_means``.
        """
        arrays = {name: np.asarray(getattr(self, name)) for name in ARRAYS}
        for side, mixture in zip(SIDES, self.mixtures, strict=True):
            arrays |= {f"{side}_{n}": np.asarray(getattr(mixture, n)) for n in OF_MIXTURE}
        optional = {name: getattr(self, name) for name in OPTIONAL_ARRAYS}
        return arrays | {name: array for name, array in optional.items() if array is not None}

    def to_facts(self) -> dict[str, Any]:
        """Return everything of the fit that is not an array: numbers, sentences, parameters.

        Returns
        -------
        Values by name, in the order of :data:`FACTS`.
        """
        return {name: getattr(self, name) for name in FACTS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> CoupledFit:
        """Return a fit made from its stored parts.

        Parameters
        ----------
        arrays
            Arrays from :meth:`to_arrays`; other entries are ignored.
        facts
            Values from :meth:`to_facts`, possibly read from JSON; other entries are ignored.

        Returns
        -------
        CoupledFit

        Raises
        ------
        KeyError
            When a part is missing.
        """
        fields: dict[str, Any] = {name: facts[name] for name in FACTS}
        fields["log_likelihood"] = tuple(fields["log_likelihood"])
        for side in SIDES:
            parts = {name: arrays[f"{side}_{name}"] for name in OF_MIXTURE}
            fields[side] = GaussianMixture(**parts)
        fields |= {name: arrays[name] for name in ARRAYS}
        fields |= {name: arrays.get(name) for name in OPTIONAL_ARRAYS}
        return cls(**fields)

    @property
    def prevalence_source(self) -> GaussianMixture:
        """Mixture of the source components with their shares as weights."""
        return self.source.with_weights(self.shares_source)

    @property
    def prevalence_target(self) -> GaussianMixture:
        """Mixture of the target components with their shares as weights."""
        return self.target.with_weights(self.shares_target)

    def __repr__(self) -> str:
        k0, k1 = self.coupling.shape
        return (
            f"CoupledFit({k0} source and {k1} target components in {self.source.n_dims} "
            f"dimensions, objective {self.objective:.6g}, F {self.transported_mass:.3f}: "
            f"{self.status})"
        )
