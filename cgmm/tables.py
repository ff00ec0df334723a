"""Every result table: its columns, their types, and what they mean.

:mod:`cgmm.get` builds its frames from these declarations, :mod:`cgmm.results` writes and reads the
files, the workflow lists the files, and the report and the documentation quote the sentences. A new
column is declared here and filled in :mod:`cgmm.get`.

A share is a fraction between 0 and 1. A donor counts as one, whatever the number of its cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "whole", "number", "flag"]

NO_COMPONENT, DIFFERS = "no component", "differs"  # values of fit_says
#: values of named_from, beside "mixed" and "unclear"
ANNOTATION, MARKER_TABLE, MARKER_GENES = "annotation", "marker table", "marker genes"
POPULATION, MIXED, UNCLEAR, NUMBER = "population", "mixed", "unclear", "number"
CELLS_ONLY = "cells"  # value of interval_from: cells were drawn, because there are no donors
N_PCS = 5  # coordinates of a cell in cells.tsv.gz
OF_OBS = "obs_"  # before the names of columns of the user in cells.tsv.gz
MAX_LABELS, MAX_COLUMNS = 60, 12  # labels of such a column, and such columns


@dataclass(frozen=True)
class Column:
    """One column of a result table.

    Attributes
    ----------
    name
        Name in the header.
    kind
        "text" ("" where there is none), "whole" (number), "number" (NaN, in a file an empty field,
        where there is none) or "flag" (True or False).
    meaning
        One line for somebody who reads the table the first time, with the unit.
    required
        Whether a file without the column cannot be read.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One result table.

    Attributes
    ----------
    name
        Name of the function in :mod:`cgmm.get` and of the file.
    label
        Short name for a list of files.
    meaning
        What a reader finds in the table, and what a row is.
    columns
        The columns, in their order.
    optional
        Whether a comparison can be reported without the table.
    ending
        Ending of the file.
    """

    name: str
    label: str
    meaning: str
    columns: tuple[Column, ...]
    optional: bool = False
    ending: str = ".tsv"

    @property
    def file(self) -> str:
        """Name of the file in the folder of a comparison."""
        return self.name + self.ending

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which a file cannot be read."""
        return tuple(column.name for column in self.columns if column.required)

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the columns of some kinds."""
        return tuple(column.name for column in self.columns if column.kind in kinds)

    def with_columns(self, names: Sequence[str], extra: Sequence[Column] = ()) -> Table:
        """Return the table with some of its columns and with others, in the order of ``names``."""
        known = {column.name: column for column in (*self.columns, *extra)}
        columns = tuple(known[name] for name in names)
        return Table(self.name, self.label, self.meaning, columns, self.optional, self.ending)


def _text(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "text", meaning, required)


def _whole(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "whole", meaning, required)


def _number(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "number", meaning, required)


def _flag(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "flag", meaning, required)


_FACTORS = Table(
    "factors",
    "net factors",
    "how prevalent each source population became, one row per source population",
    (
        _whole("component", "Index of the source population, from 0.", required=True),
        _text("name", "Name of the source population.", required=True),
        _number(
            "share_source",
            "Fraction of the source cells that belong to it, of the donors that count.",
            required=True,
        ),
        _number(
            "share_target",
            "Fraction of the target cells that came from it, of the donors that count.",
            required=True,
        ),
        _number(
            "outflow",
            "Factor of the coupling on leaving the population, relative to its total mass.",
        ),
        _number("log2_outflow", "log2 of outflow."),
        _number(
            "inflow",
            "Factor of the coupling on arriving at the main counterpart; empty when it is gone.",
        ),
        _number(
            "log2_net",
            "log2 of the ratio of the typical shares of a donor, the net factor: 1 is twice the "
            "share, -1 half.",
            required=True,
        ),
        _number("ci_low", "Lower bound of the 95 % interval of log2_net over donors."),
        _number("ci_high", "Upper bound of the 95 % interval of log2_net over donors."),
        _number("p", "p-value of log2_net = 0, with the donor as the unit."),
        _number("q", "Benjamini-Hochberg q-value of p, over the populations."),
        _whole("n_cells", "Source cells of it: sum of fractions of cells, rounded.", required=True),
        _whole("n_cells_target", "Target cells from it: sum of fractions of cells, rounded."),
        _text("reason", "Why interval, p and q are missing; empty when they are there."),
        _text(
            "interval_from",
            'What the interval rests on: "donor t", "cells" (no donors, too narrow) or nothing.',
        ),
        _text(
            "status",
            '"gone" when it has 20 source cells and no target population is its counterpart.',
        ),
        _number("p_moderated", "p-value of the moderated t-test over donors."),
        _number(
            "p_permutation", "p-value of the exchange of the conditions of donors, if asked for."
        ),
        _number("log2_relative", "log2_net less log2_net of the baseline."),
        _number("relative_low", "Lower bound of the 95 % interval of log2_relative."),
        _number("relative_high", "Upper bound of the 95 % interval of log2_relative."),
        _flag(
            "settled",
            "False when other choices move the factor over 1.5-fold (component: over twofold).",
        ),
        _number("log2_net_fit", "Log2 net factor by the components; if found, by assigned cells."),
        _number("purity", "How far the components of the fit lie within it, 0 to 1."),
        _text(
            "fit_says",
            '"no component" (purity under 0.5), "differs": both factors differ '
            "1.5-fold or leave the interval; else empty.",
        ),
    ),
)

_TRANSFERS = Table(
    "transfers",
    "transfers",
    "who became whom, one row per pair of populations that exchanges mass; populations "
    "correspond, no cell is followed",
    (
        _text("source", "Name of the source population.", required=True),
        _text("target", "Name of the target population.", required=True),
        _whole("source_component", "Index of the source population, from 0.", required=True),
        _whole("target_component", "Index of the target population, from 0.", required=True),
        _number("mass", "Fraction of all target cells that came this way.", required=True),
        _number(
            "share_of_source",
            "Of the target cells that came from the source population, the fraction in the "
            "target population.",
            required=True,
        ),
        _number(
            "share_of_target",
            "Of the cells of the target population that have an origin, the fraction that came "
            "from the source population.",
            required=True,
        ),
    ),
)

_ARRIVALS = Table(
    "arrivals",
    "origins",
    "where each target population came from, one row per target population",
    (
        _whole("component", "Index of the target population, from 0.", required=True),
        _text("name", "Name of the target population.", required=True),
        _number("share_target", "Fraction of the target cells that belong to it.", required=True),
        _number(
            "inflow",
            "Factor of the coupling on arriving at the population, relative to its total mass.",
            required=True,
        ),
        _number("log2_inflow", "log2 of inflow."),
        _text(
            "main_source",
            "Source population from which most of it came; empty when it is new.",
            required=True,
        ),
        _number("share_from_main_source", "Fraction of it that came from main_source."),
        _whole("n_cells", "Target cells of it: sum of fractions of cells, rounded."),
        _text("status", '"new" when no source population can be its origin.'),
    ),
)

_SHIFTS = Table(
    "shifts",
    "state shifts",
    "how far the state of each population moved, one row per population with enough cells",
    (
        _text("source", "Name of the source population.", required=True),
        _text("target", "Name of the target population.", required=True),
        _whole("source_component", "Index of the source population, from 0."),
        _whole("target_component", "Index of the target population, from 0."),
        _number(
            "share_of_source",
            "Of the target cells that came from the source population, the fraction in the target "
            "population.",
            required=True,
        ),
        _number("mean_shift", "Distance of the two means, in units of the representation."),
        _number(
            "covariance_shift",
            "Bures distance of the two covariances, in units of the representation.",
        ),
        _number(
            "total_shift",
            "Wasserstein distance of the two populations, in units of the representation.",
        ),
        _number(
            "mean_shift_sd",
            "mean_shift in standard deviations within a population.",
            required=True,
        ),
        _number("total_shift_sd", "total_shift in standard deviations within a population."),
        _number("unbiased_shift_sd", "mean_shift_sd less what noise adds to any distance."),
        _number(
            "ci_low",
            "Lower bound of the 95 % interval of unbiased_shift_sd over donors; empty for pairs "
            "that are not one population.",
        ),
        _number("ci_high", "Upper bound of the 95 % interval of unbiased_shift_sd over donors."),
        _number("p", "p-value of no movement, with the donor as the unit."),
        _number("q", "Benjamini-Hochberg q-value of p, over the pairs."),
        _text(
            "top_genes",
            "Up to five genes that change most in the source population, 1.5-fold or more.",
        ),
    ),
    optional=True,
)

_GENES = Table(
    "genes",
    "genes",
    "which genes changed in each source population, one row per population and gene",
    (
        _whole("component", "Index of the source population, from 0.", required=True),
        _text("name", "Name of the source population.", required=True),
        _text("gene", "Name of the gene.", required=True),
        _number(
            "log2_change",
            "Mean log-normalised expression of the target cells from it less that of its source "
            "cells, in log2 units.",
            required=True,
        ),
        _number("common_change", "Part of log2_change that nearly all populations share."),
        _number("specific_change", "The rest of log2_change."),
        _number(
            "loading_change",
            "Movement of its mean along the gene, by the loadings of the PCA, in log2 units.",
        ),
        _number(
            "loading_log2_sd",
            "log2 ratio of the gene's standard deviation within it, target to source, by the "
            "loadings.",
        ),
        _number("de_log2_change", "log2 change of the counts summed per donor."),
        _number("de_p", "p-value of de_log2_change over donors."),
        _number("de_q", "Benjamini-Hochberg q-value of de_p, over the genes of the population."),
        _text(
            "agreement",
            'Whose sign is the same: "all", "loadings differ", "DE differs" or "both differ".',
        ),
        _number("mean_source", "Mean log-normalised expression of the source cells, natural log."),
        _number("mean_target", "Mean log-normalised expression of the target cells, natural log."),
        _number("fraction_source", "Fraction of the source cells that express the gene."),
        _number("fraction_target", "Fraction of the target cells that express the gene."),
        _number(
            "ambient_share",
            "Largest fraction of the change that RNA of other cells in the droplets can explain.",
        ),
        _whole("rank", "Rank by size of the change within the population, from 1.", required=True),
        _whole(
            "n_subpopulations",
            "Populations in which the gene is among the first 20 and changes 1.5-fold or more.",
        ),
        _whole(
            "n_specific",
            "Populations whose specific_change is 1.5-fold or more, and at least half of the "
            "gene's largest.",
        ),
        _text(
            "scope",
            '"common" when nearly all populations change the gene, "specific" when some do, '
            "empty when none does.",
        ),
    ),
    optional=True,
)

_GENE_AGREEMENT = Table(
    "gene_agreement",
    "agreement of gene changes",
    "how well the ways to measure a gene change agree, one row per source population",
    (
        _whole("component", "Index of the source population, from 0.", required=True),
        _text("name", "Name of the source population.", required=True),
        _whole("n_genes", "Genes that enough cells express."),
        _whole("n_loading", "Genes among n_genes that have loadings."),
        _whole("n_tested", "Genes among n_genes that were tested over donors."),
        _whole("n_significant", "Genes with de_q below 0.05."),
        _number(
            "r_expression_loading",
            "Spearman correlation of log2_change and loading_change over genes.",
        ),
        _number(
            "r_expression_de", "Spearman correlation of log2_change and de_log2_change over genes."
        ),
        _number(
            "r_loading_de", "Spearman correlation of loading_change and de_log2_change over genes."
        ),
        _number("agree_top", "Fraction of the first 20 genes whose changes have one sign."),
        _text("loading_reason", "Why there is no loading_change; empty when there is."),
        _text("de_reason", "Why genes were not tested; empty when they were."),
        _text(
            "resembles",
            "Another source population that the target cells resemble more; empty when none.",
        ),
    ),
    optional=True,
)

_MARKERS = Table(
    "markers",
    "marker genes",
    "how every population expresses the marker genes of all populations, one row per marker gene "
    "and population",
    (
        _text("marker_of", "Population that the gene marks.", required=True),
        _whole("rank", "Place of the gene among the markers of this population, from 1."),
        _text("gene", "Name of the gene.", required=True),
        _text("name", "Population in which the gene is measured.", required=True),
        _number(
            "mean",
            "Mean natural log of expression, or of transformed values in cytometry; conditions "
            "count equally.",
        ),
        _number(
            "fraction",
            "Fraction of cells that express the gene, counted likewise; empty for cytometry.",
        ),
        _number(
            "scaled_mean",
            "The mean, scaled to 0 in the lowest and 1 in the highest population.",
            required=True,
        ),
    ),
    optional=True,
)

_COMPONENTS = Table(
    "components",
    "populations",
    "what each population is, one row per population of either condition",
    (
        _text("side", '"source" or "target".', required=True),
        _whole("component", "Index of the population on its side, from 0.", required=True),
        _text("name", "Name of the population.", required=True),
        _number("weight", "Weight in the fitted mixture, under the price of transport."),
        _number("share", "Fraction of the cells of its side, without that price.", required=True),
        _whole("n_cells", "Cells of it: sum of fractions of cells, rounded."),
        _text("markers", "Its marker genes, separated by spaces."),
        _text("cell_type", "Its type by annotation, population or marker table; else empty."),
        _number("cell_type_purity", "Fraction of its labelled cells that carry cell_type."),
        _text(
            "named_from",
            'Basis of its name: "annotation", "population", "marker table", "mixed" or "unclear" '
            '(no type), "marker genes", "number".',
        ),
        _text("best_type", "Type with the largest score in the marker table."),
        _number("score", "Score of best_type, a t-value: how its markers stand out in the cells."),
        _text("runner_up", "Type with the second largest score."),
        _number("runner_up_score", "Score of runner_up; above 0.7 of score the type is mixed."),
        _text("raised", "How many markers of best_type are higher than in all cells, and which."),
        _text(
            "matched_to",
            "Source match of a target subpopulation that has a name of its own, for its cells are "
            "of another type.",
        ),
    ),
    optional=True,
)

_DONORS = Table(
    "donors",
    "donors",
    "share of each population in each donor, one row per donor, condition and population",
    (
        _text("side", '"source" or "target".', required=True),
        _text("condition", "Condition of the cells."),
        _text("donor", "Name of the donor.", required=True),
        _whole("component", "Index of the population on its side, from 0.", required=True),
        _text("name", "Name of the population."),
        _number("share", "Fraction of the donor's cells in the condition.", required=True),
        _whole("n_cells", "Cells of the donor in the condition, all populations together."),
    ),
    optional=True,
)

_DONOR_SHIFTS = Table(
    "donor_shifts",
    "state of donors",
    "how far the cells of each donor moved, one row per donor, condition and source population",
    (
        _text("side", '"source" or "target".', required=True),
        _text("condition", "Condition of the cells."),
        _text("donor", "Name of the donor.", required=True),
        _whole("component", "Index of the source population, from 0.", required=True),
        _text("name", "Name of the source population.", required=True),
        _number(
            "position_sd",
            "Position of the donor along the shift, in standard deviations within a population; "
            "source donors lie about 0.",
            required=True,
        ),
        _number("n_cells", "Cells of the donor in the population: sum of fractions of cells."),
    ),
    optional=True,
)

_SENSITIVITY = Table(
    "sensitivity",
    "sensitivity",
    "what other choices make of each factor, one row per choice and population",
    (
        _text(
            "parameter",
            'What was chosen otherwise: "seed", "partition" or, for components, "rho".',
            required=True,
        ),
        _text(
            "value",
            "The other choice: its number, how cells were cut, or rho in nats.",
            required=True,
        ),
        _whole("component", "Index of the source population, from 0.", required=True),
        _text("name", "Name of the source population.", required=True),
        _number("log2_net", "log2 net factor under the other choice.", required=True),
        _number("difference", "log2_net less log2_net of the fit."),
        _text(
            "main_target", "Main target component under the other choice; empty for populations."
        ),
        _number("F", "Total mass of the coupling under another rho; empty for populations."),
    ),
    optional=True,
)

#: The tables of a comparison. Each is a function of :mod:`cgmm.get` and a file.
_POPULATIONS = Table(
    "populations",
    "populations",
    "how prevalent each population became: each cell type of the annotation, else each population "
    "that the fit found, counted over the cells of each donor; one row per population",
    (
        _text("name", "Name of the population.", required=True),
        _number(
            "share_source",
            "Typical share of a source donor: mean over donors of the log-odds, carried back.",
            required=True,
        ),
        _number("share_target", "Typical share of a target donor, likewise.", required=True),
        _number(
            "log2_net",
            "Log2 of share_target over share_source, adjusted for pairs and batches.",
            required=True,
        ),
        _number("ci_low", "Lower end of the interval of log2_net over donors.", required=True),
        _number("ci_high", "Upper end of the interval of log2_net over donors.", required=True),
        _number("p", "p of the moderated t-test over donors, two-sided.", required=True),
        _number("q", "Benjamini-Hochberg q over the populations that have a p.", required=True),
        _whole("n_cells", "Source cells of the population.", required=True),
        _whole("n_cells_target", "Target cells of the population.", required=True),
        _text("reason", "Why interval, p and q are missing, else empty."),
        _text("status", '"gone": it has no target cell; "new": it has no source cell.'),
        _number("log2_net_fit", "Log2 net factor by the components; if found, by assigned cells."),
        _number("purity", "How far the components of the fit lie within it, 0 to 1."),
        _text(
            "fit_says",
            '"no component" (purity under 0.5), "differs": both factors differ '
            "1.5-fold or leave the interval; else empty.",
        ),
        _number(
            "shift_sd",
            "How far its mean cell moved, in standard deviations within a population, less what "
            "noise adds to any distance.",
        ),
        _number("shift_low", "Lower end of the 95 % interval of shift_sd over donors."),
        _number("shift_high", "Upper end of the 95 % interval of shift_sd over donors."),
        _number("shift_p", "p of no movement, with the donor as the unit."),
        _number("shift_q", "Benjamini-Hochberg q of shift_p, over the populations that have one."),
        _text("shift_reason", "Why interval, p and q of the shift are missing, else empty."),
        _flag(
            "settled",
            "False when the factor of a found population moves over 1.5-fold in one search or "
            "with one partition alone.",
        ),
    ),
    optional=True,
)

_INFLUENCE = Table(
    "influence",
    "influence of donors",
    "what leaving out one donor makes of each factor, one row per population and donor",
    (
        _text("name", "Name of the population.", required=True),
        _text("donor", "Donor that is left out, in both conditions.", required=True),
        _number("log2_net_without", "log2 net factor without the donor.", required=True),
        _flag(
            "disagrees",
            "Whether the donor alone points the other way, against the change of all donors.",
        ),
        _flag(
            "leaves_interval",
            "Whether the factor without the donor lies outside the interval of the factor.",
        ),
        _number("outside_q", "q of its share against those of the other donors of a condition."),
        _text("outside", "Condition in which outside_q is below 0.01; else empty."),
    ),
    optional=True,
)

_STATES = Table(
    "states",
    "states of populations",
    "which states inside a population gained or lost, one row per state, a source component",
    (
        _text("population", "Population of most of its cells.", required=True),
        _whole("component", "Index of the source component, from 0.", required=True),
        _text("name", "Name of the state.", required=True),
        _number("share_source", "Fraction of the population in the state, before.", required=True),
        _number("share_target", "Fraction of the population in the state, after.", required=True),
        _number(
            "log2_within",
            "log2 change inside the population; of a typical donor where it is tested.",
            required=True,
        ),
        _number("ci_low", "Lower end of the 95 % interval of log2_within over donors."),
        _number("ci_high", "Upper end of the 95 % interval of log2_within over donors."),
        _number("p", "p of the moderated t-test over donors, two-sided."),
        _number("q", "Benjamini-Hochberg q over the states that have a p."),
        _text("reason", "Why interval, p and q are missing, else empty."),
        _number("purity", "Fraction of its cells that belong to the population."),
        _text("counterpart", "Its match after, where cells of another type give it another name."),
    ),
    optional=True,
)

_EFFECTS = Table(
    "effects",
    "effects of the design",
    "every change of populations that the design of the donors estimates, one row per change and "
    "population; empty without donors or without populations",
    (
        _text("name", "Name of the population.", required=True),
        _text("contrast", "The change in words.", required=True),
        _text(
            "kind",
            '"condition", "within" (a level), "interaction" (difference of changes), "factor" or '
            '"covariate" (per unit).',
            required=True,
        ),
        _text("words", "The factor in words; for an interaction both factors that differ."),
        _number("share_before", "Share that the change starts from.", required=True),
        _number("log2_change", "log2 factor of the share.", required=True),
        _number("ci_low", "Lower end of the 95 % interval of log2_change.", required=True),
        _number("ci_high", "Upper end of the 95 % interval of log2_change.", required=True),
        _number("p", "p of the moderated t-test over donors, two-sided.", required=True),
        _number("q", "Benjamini-Hochberg q over the populations that have a p.", required=True),
        _number("p_permutation", "p of the Freedman-Lane test; empty with too few exchanges."),
        _number("log2_visible", "log2 factor upwards that 80 % of repeats would find."),
        _number(
            "donors_for_twofold",
            "Donors per condition (or pairs) with which 80 % of repeats would find twofold.",
        ),
        _number("log2_absolute", "log2 factor of the absolute abundance; empty without counts."),
        _number("absolute_low", "Lower end of the 95 % interval of log2_absolute."),
        _number("absolute_high", "Upper end of the 95 % interval of log2_absolute."),
        _number("absolute_p", "p of log2_absolute."),
        _number("absolute_q", "Benjamini-Hochberg q of absolute_p."),
        _number("shift_sd", "Length of the shift of the change, in SD within a population."),
        _number("shift_low", "Lower end of the 95 % interval of shift_sd."),
        _number("shift_high", "Upper end of the 95 % interval of shift_sd."),
        _number("shift_p", "p of no shift over donors."),
        _number("shift_q", "Benjamini-Hochberg q of shift_p over the populations that have a p."),
        _text("shift_reason", "Why interval, p and q of the shift are missing, else empty."),
        _text("reason", "Why interval, p and q are missing, else empty."),
    ),
    optional=True,
)

_SAMPLES = Table(
    "samples",
    "samples",
    "how many cells each sample has, and why quality control dropped others, one row per sample",
    (
        _text("sample", "Name of the sample.", required=True),
        _text("condition", "Condition of its cells.", required=True),
        _text("donor", "Donor of its cells; empty when unknown."),
        _text("batch", "Batch of its cells; empty when unknown."),
        _whole("n_cells", "Cells that were analysed.", required=True),
        _number("n_cells_read", "Cells that were read; empty when unknown."),
        _number("n_few_genes", "Cells dropped because they have too few genes, or no counts."),
        _number("n_mitochondrial", "Cells dropped because of mitochondrial counts alone."),
    ),
    optional=True,
)

_SAMPLE_QUALITY = Table(
    "sample_quality",
    "quality of samples",
    "how genes, counts and mitochondrial counts of the cells that were kept are distributed, one "
    "row per sample and measure",
    (
        _text("sample", "Name of the sample.", required=True),
        _text("condition", "Condition of its cells."),
        _text(
            "measure",
            '"genes", "counts", "mitochondrial" (percent of the counts) or, if your file has a '
            'column doublet_score, "doublet score".',
            required=True,
        ),
        _whole("n_cells", "Cells that have the measure."),
        _number("lowest", "Lowest value of a cell."),
        _number("p5", "Value that 5 % of the cells are below."),
        _number("p25", "Value that 25 % of the cells are below.", required=True),
        _number("median", "Value that half of the cells are below.", required=True),
        _number("p75", "Value that 75 % of the cells are below.", required=True),
        _number("p95", "Value that 95 % of the cells are below."),
        _number("highest", "Highest value of a cell."),
    ),
    optional=True,
)

_SAMPLE_DISTANCES = Table(
    "sample_distances",
    "distances of samples",
    "how far samples lie apart, by the shares of populations and by their states, one row per pair",
    (
        _text("sample", "Name of a sample.", required=True),
        _text("other", "Name of another sample.", required=True),
        _number(
            "composition",
            "Hellinger distance of the shares of populations: 0 equal, 1 nothing in common.",
            required=True,
        ),
        _number(
            "state",
            "Distance of the mean cells of populations in SD within one, less what noise adds.",
            required=True,
        ),
    ),
    optional=True,
)

#: Tables that can have a row per population or per component.
BY_POPULATION = (
    "factors",
    "transfers",
    "arrivals",
    "shifts",
    "components",
    "donors",
    "donor_shifts",
    "sensitivity",
)

TABLES = {
    table.name: table
    for table in (
        (
            _POPULATIONS,
            _STATES,
            _EFFECTS,
            _FACTORS,
            _TRANSFERS,
            _ARRIVALS,
            _SHIFTS,
            _GENES,
            _GENE_AGREEMENT,
            _COMPONENTS,
            _MARKERS,
        )
        + (_DONORS, _DONOR_SHIFTS, _INFLUENCE, _SENSITIVITY)
        + (_SAMPLES, _SAMPLE_QUALITY, _SAMPLE_DISTANCES)
    )
}

#: Tables of one source against several targets, in the folder of their common report.
OF_TARGETS = {
    table.name: table
    for table in (
        Table(
            "targets",
            "populations by target",
            "how prevalent each population became in each target, one row per target and "
            "population",
            (
                _text("comparison", "Name of the comparison of the target.", required=True),
                _text("target", "The target condition.", required=True),
                *_POPULATIONS.columns,
            ),
        ),
        Table(
            "trends",
            "trends",
            "how each population changes along the order of the conditions, one row per population",
            (
                _text("name", "Name of the population.", required=True),
                _number("share_first", "Share on the fitted line at the lowest number."),
                _number("share_last", "Share on the fitted line at the highest number."),
                _number("log2_trend", "log2 of share_last over share_first.", required=True),
                _number("ci_low", "Lower end of the 95 % interval of log2_trend.", required=True),
                _number("ci_high", "Upper end of the 95 % interval of log2_trend.", required=True),
                _number("p", "p of the moderated t-test of the slope, two-sided.", required=True),
                _number("q", "Benjamini-Hochberg q over the populations that have a p."),
                _flag("monotone", "Whether the donors' mean goes the same way in every step."),
                _text("reason", "Why interval, p and q are missing, else empty."),
            ),
        ),
        Table(
            "target_pairs",
            "targets against each other",
            "how prevalence differs between every two targets, one row per pair and population",
            (
                _text("source", "The earlier target.", required=True),
                _text("target", "The later target.", required=True),
                _text("name", "Name of the population.", required=True),
                _number("share_source", "Typical share of a donor in the earlier target."),
                _number("share_target", "Typical share of a donor in the later target."),
                _number("log2_net", "log2 of share_target over share_source.", required=True),
                _number("ci_low", "Lower end of the 95 % interval of log2_net.", required=True),
                _number("ci_high", "Upper end of the 95 % interval of log2_net.", required=True),
                _number("p", "p of the moderated t-test over donors, two-sided.", required=True),
                _number("q", "Benjamini-Hochberg q over all rows of the table.", required=True),
                _text("reason", "Why interval, p and q are missing, else empty."),
            ),
            optional=True,
        ),
    )
}

CELLS = Table(
    "cells",
    "cells",
    "what is known of each cell, one row per cell of the two conditions; columns of your files "
    "with 2 to 60 labels (text or whole numbers) follow, twelve at most, with obs_ before their "
    "names",
    (
        _text("barcode", "Name of the cell."),
        _text("sample", "Sample of the cell."),
        _text("donor", "Donor of the cell; empty when unknown."),
        _text("condition", "Condition of the cell."),
        _text("population", "Population of the cell; empty without one.", required=True),
        _text("state", "State of the cell: its most probable component."),
        _number("log2_net_factor", "log2 net factor of the population of the cell."),
        _number(
            "shift",
            "Length of the displacement of a source cell, in standard deviations within a "
            "population.",
        ),
        _number("UMAP1", "First coordinate on the map that is drawn."),
        _number("UMAP2", "Second coordinate on the map that is drawn."),
        _number("n_genes", "Genes of the cell; absent for cytometry."),
        _number("n_counts", "Counts of the cell; absent for cytometry."),
        _number("pct_mt", "Mitochondrial counts in percent of its counts."),
        _number(
            "doublet_score", "Doublet score of the cell, if your file has a column doublet_score."
        ),
        *(
            _number(f"PC{i}", f"Coordinate {i} of the representation that was fitted.")
            for i in range(1, N_PCS + 1)
        ),
    ),
    optional=True,
    ending=".tsv.gz",
)

DECISIONS = Table(
    "decisions",
    "decisions",
    "every choice that was made without the user, one row per choice, in the order of the steps",
    (
        _text("decision", "What was chosen.", required=True),
        _text("value", "The choice.", required=True),
        _text(
            "chosen_by",
            '"data" (found in the data), "default" (of cgmm) or "config" (set by the user).',
            required=True,
        ),
        _text("reason", "Why."),
        _text("alternative", 'What replaces the choice: keys of the config; "none" if nothing.'),
    ),
    optional=True,
)

GENE_DONORS = Table(
    "gene_donors",
    "genes in every donor",
    "expression of the leading genes in every donor, one row per population, gene, side and donor",
    (
        _text("name", "Name of the population.", required=True),
        _text("gene", "Name of the gene.", required=True),
        _text("side", '"source" or "target".', required=True),
        _text("donor", "Name of the donor.", required=True),
        _number(
            "mean",
            "Mean log2-normalised expression of the donor's cells in the population (cytometry: "
            "mean value); empty with fewer than ten cells.",
            required=True,
        ),
    ),
    optional=True,
    ending=".tsv.gz",
)

GENE_SETS = Table(
    "gene_sets",
    "gene sets",
    "which of the gene sets of the config changed, one row per population and set that was tested",
    (
        _whole("component", "Index of the population, from 0."),
        _text("name", "Name of the population.", required=True),
        _text("set", "Name of the gene set.", required=True),
        _whole("n_genes", "Genes of the set that were tested in the population.", required=True),
        _whole("n_listed", "Genes of the set in the file."),
        _number(
            "log2_change", "Mean log2 change of its tested genes, counts per donor.", required=True
        ),
        _number("log2_others", "Mean log2 change of all other tested genes of the population."),
        _number("t", "Statistic; above zero when its genes rise more, or fall less, than others."),
        _number("p", "p-value of no difference to the other genes, with the donor as the unit."),
        _number(
            "q", "Benjamini-Hochberg q-value of p, over the sets of the population.", required=True
        ),
        _text("leading_genes", "Up to eight of its genes that change most, by their test."),
    ),
    optional=True,
    ending=".tsv.gz",
)

#: Tables that the report does not read as the others; each has a file of its own.
LONG = (CELLS, DECISIONS, GENE_DONORS, GENE_SETS)

_LEVEL = "Level of the annotation."
_PURITY = _number(
    "purity",
    "How far populations lie within the level, 0 to 1; low: they share it with other levels.",
)

#: The columns of a table that is summed to the levels of an annotation (``by=``).
BY_LEVEL = {
    "factors": _FACTORS.with_columns(
        ("name", "share_source", "share_target", "share_target_annotated", "purity", "outflow")
        + ("log2_outflow", "log2_net", "ci_low", "ci_high", "p", "q", "n_cells", "n_cells_target")
        + ("reason", "interval_from", "status", "settled"),
        (
            _text("name", _LEVEL),
            _number("share_target_annotated", "Fraction of the target cells that carry the level."),
            _PURITY,
        ),
    ),
    "transfers": _TRANSFERS.with_columns(
        ("source", "target", "mass", "share_of_source", "share_of_target"),
        (_text("source", _LEVEL), _text("target", _LEVEL)),
    ),
    "arrivals": _ARRIVALS.with_columns(
        ("name", "share_target", "purity", "inflow", "log2_inflow", "main_source")
        + ("share_from_main_source", "share_new", "n_cells", "status"),
        (
            _text("name", _LEVEL),
            _PURITY,
            _number("share_new", "Fraction of the level in populations that are new."),
        ),
    ),
}
