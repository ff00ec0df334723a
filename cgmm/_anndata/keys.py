"""Every name of a field that `cgmm` writes into an AnnData object, or reads from it.

One instance of :class:`Keys` has the names of one fit: ``Keys("cgmm").component`` is
``"cgmm_component"``.  :class:`Uns` and :class:`UncertaintyKeys` have the names inside the entry of
a fit in ``uns``.  The constants below are names in objects of scanpy, in simulated data and in the
files of the workflow.  Other modules import these names and do not spell them out.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_KEY = "cgmm"
TRUTH = "truth"  #: uns: parameters from which simulated data were drawn

# Names that scanpy writes
FEATURES = "X"  #: value of use_rep for the features themselves, in place of an entry of obsm
PCA = "X_pca"  #: obsm: principal components
HARMONY = "X_pca_harmony"  #: obsm: principal components, integrated over batches
UMAP = "X_umap"  #: obsm
LOADINGS = "PCs"  #: varm: loadings of the principal components
SD = "std"  #: var: standard deviation by which scanpy.pp.scale divided a gene

# Names in simulated data and in the files of the workflow
COUNTS = "counts"  #: layers
SAMPLE, CONDITION, DONOR, BATCH = "sample", "condition", "donor", "batch"  #: obs
BARCODE, CELL_TYPE = "barcode", "cell_type"  #: obs


@dataclass(frozen=True)
class Keys:
    """Names of the fields of one fit.

    Parameters
    ----------
    key
        The ``key_added`` of :func:`cgmm.tl.fit`: the name of the entry in ``uns``, and the prefix
        of the names of all other fields.
    """

    key: str = DEFAULT_KEY

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key.strip() or "/" in self.key:
            msg = (
                f"key_added={self.key!r} cannot name a field of an AnnData object: "
                "give a non-empty text without '/'."
            )
            raise ValueError(msg)

    # obs
    @property
    def component(self) -> str:
        """obs: name of the component that a cell belongs to (categorical)."""
        return f"{self.key}_component"

    @property
    def population(self) -> str:
        """obs: name of the population that was found for a cell (categorical)."""
        return f"{self.key}_population"

    @property
    def origin(self) -> str:
        """obs: found population of the source cell that a target cell was assigned to."""
        return f"{self.key}_origin"

    @property
    def log2_net_factor(self) -> str:
        """obs: log2 net factor at a cell."""
        return f"{self.key}_log2_net_factor"

    @property
    def shift(self) -> str:
        """obs: length of a source cell's displacement, in units of the representation."""
        return f"{self.key}_shift"

    # obsm
    @property
    def responsibilities(self) -> str:
        """obsm: responsibilities, shape (n_cells, max(K0, K1)), padded with NaN."""
        return f"{self.key}_responsibilities"

    @property
    def displacement(self) -> str:
        """obsm: displacement from source to target, shape (n_cells, n_dims)."""
        return f"{self.key}_displacement"

    @property
    def projected(self) -> str:
        """obsm: position of a source cell after its displacement, shape (n_cells, n_dims)."""
        return f"{self.key}_projected"

    # uns
    @property
    def uns(self) -> str:
        """uns: the entry with all results that are not per cell."""
        return self.key

    # several comparisons
    @property
    def prefix_of_targets(self) -> str:
        """Prefix of the keys of all comparisons of :func:`cgmm.tl.fit_targets`."""
        return f"{self.key}_"

    def for_target(self, target: str) -> Keys:
        """Return the names of the fields of one comparison of :func:`cgmm.tl.fit_targets`."""
        return Keys(f"{self.prefix_of_targets}{str(target).replace('/', '-')}")


class Uns:
    """Names inside ``uns[key]``."""

    PARAMS = "params"  # one JSON string
    COUPLING = "coupling"
    COSTS = "costs"
    HISTORY = "history"
    METRIC = "metric"  # (n_dims, n_dims), absent when costs are in the units of the points
    ELSEWHERE = "populations_elsewhere"  # (n_choices, P), absent without found populations
    VOTES = "votes"  # (K0, K1): origins of target components, absent when the coupling gives them
    DONORS = "donors"  # DataFrame: side, donor, component, share, n_cells
    POPULATION_NAMES = "population_names"  # DataFrame: what names of populations rest on, by tl.fit
    FLOW = "population_flow"  # DataFrame: source, target, share, of populations, by tl.fit
    GENES = "genes"  # DataFrame, written by tl.genes
    GENE_AGREEMENT = "gene_agreement"  # DataFrame, one row per source component, by tl.genes
    MARKERS = "markers"  # DataFrame: marker genes of populations in all populations, by tl.genes
    GENE_DONORS = "gene_donors"  # dict of arrays: genes in every donor, by tl.genes; may be absent
    GENE_SETS = "gene_sets"  # DataFrame, by tl.gene_sets
    CALIBRATION = "calibration"  # DataFrame, written by tl.calibrate: false calls
    UNCERTAINTY = "uncertainty"  # dict, written by tl.donors; names in UncertaintyKeys
    COMPONENTS = "components"  # DataFrame: side, component, name, markers, cell_type, ...

    @staticmethod
    def weights(side: str) -> str:
        """Fitted weights of a side, shape (K,)."""
        return f"{side}_weights"

    @staticmethod
    def means(side: str) -> str:
        """Component means of a side, shape (K, n_dims)."""
        return f"{side}_means"

    @staticmethod
    def covariances(side: str) -> str:
        """Component covariances of a side, shape (K, n_dims, n_dims)."""
        return f"{side}_covariances"

    @staticmethod
    def shares(side: str) -> str:
        """Shares without penalty of a side, shape (K,)."""
        return f"shares_{side}"

    @staticmethod
    def names(side: str) -> str:
        """Component names of a side, shape (K,)."""
        return f"names_{side}"


class UncertaintyKeys:
    """Names inside ``uns[key]["uncertainty"]``."""

    FACTS = "facts"  # one JSON string: settings, choices, and notes on what was left out
    FACTORS = "factors"  # DataFrame, one row per source component
    SHIFTS = "shifts"  # DataFrame, one row per pair of components
    DONOR_SHIFTS = "donor_shifts"  # DataFrame, absent without donors
