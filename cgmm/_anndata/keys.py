"""Every name of a field that `cgmm` writes into an AnnData object, or reads from it.

One instance of :class:`Keys` holds the names of one fit: ``Keys("cgmm").component`` is
``"cgmm_component"``.  :class:`Uns` and :class:`UncertaintyKeys` hold the names inside its entry of
``uns``.  The constants below are names that scanpy, simulated data and the files of the workflow
use.  Code of the package takes these names from here and does not spell them.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_KEY = "cgmm"
TRUTH = "truth"  #: uns: what simulated data were drawn from

# Names that scanpy writes
FEATURES = "X"  #: as use_rep: the features themselves, not an entry of obsm
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
        The ``key_added`` of :func:`cgmm.tl.fit`: the name of the ``uns`` entry and the prefix of
        all others.
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
        """obsm: responsibilities, shape (n_cells, max(K0, K1)), NaN-padded."""
        return f"{self.key}_responsibilities"

    @property
    def displacement(self) -> str:
        """obsm: displacement source -> target, shape (n_cells, n_dims)."""
        return f"{self.key}_displacement"

    @property
    def projected(self) -> str:
        """obsm: where a source cell would stand in the target, shape (n_cells, n_dims)."""
        return f"{self.key}_projected"

    # uns
    @property
    def uns(self) -> str:
        """uns: the entry that holds everything that is not per cell."""
        return self.key

    # several comparisons
    @property
    def prefix_of_targets(self) -> str:
        """Start of the keys of all comparisons of :func:`cgmm.tl.fit_targets`."""
        return f"{self.key}_"

    def for_target(self, target: str) -> Keys:
        """Names of the fields of one comparison of :func:`cgmm.tl.fit_targets`."""
        return Keys(f"{self.prefix_of_targets}{str(target).replace('/', '-')}")


class Uns:
    """Names inside ``uns[key]``."""

    PARAMS = "params"  # one JSON string
    COUPLING = "coupling"
    COSTS = "costs"
    HISTORY = "history"
    METRIC = "metric"  # (n_dims, n_dims), absent when costs are those of the points as they are
    VOTES = "votes"  # (K0, K1): where target components came from, absent when the coupling says so
    DONORS = "donors"  # DataFrame: side, donor, component, share, n_cells
    GENES = "genes"  # DataFrame, written by tl.genes
    GENE_AGREEMENT = "gene_agreement"  # DataFrame, one row per source component, likewise
    UNCERTAINTY = "uncertainty"  # dict, written by tl.donors: see UncertaintyKeys
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

    FACTS = "facts"  # one JSON string: what was done, and what was left out
    FACTORS = "factors"  # DataFrame, one row per source component
    TRANSFERS_LOW = "transfers_low"  # (K0, K1)
    TRANSFERS_HIGH = "transfers_high"  # (K0, K1)
    SHIFTS = "shifts"  # DataFrame, one row per pair of components
    DONOR_SHIFTS = "donor_shifts"  # DataFrame, absent without donors
