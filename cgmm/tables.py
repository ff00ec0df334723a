"""Every result table: its columns, their types, and which are required."""

from __future__ import annotations

TEXT = {
    "factors": ("name", "reason", "status", "settled", "interval_from"),
    "transfers": ("source", "target"),
    "arrivals": ("name", "main_source", "status"),
    "shifts": ("source", "target", "top_genes"),
    "genes": ("name", "gene", "scope"),
    "components": ("side", "name", "markers", "cell_type"),
    "donors": ("side", "condition", "donor", "name"),
    "donor_shifts": ("side", "condition", "donor", "name"),
    "sensitivity": ("parameter", "value", "name", "main_target"),
}
NUMBERS = {
    "factors": (
        "component",
        "share_source",
        "share_target",
        "outflow",
        "log2_outflow",
        "inflow",
        "log2_net",
        "ci_low",
        "ci_high",
        "p",
        "q",
        "n_cells",
        "n_cells_target",
        "p_moderated",
        "p_permutation",
        "log2_relative",
        "relative_low",
        "relative_high",
    ),
    "transfers": (
        "source_component",
        "target_component",
        "mass",
        "share_of_source",
        "share_of_target",
        "ci_low",
        "ci_high",
    ),
    "arrivals": (
        "component",
        "share_target",
        "inflow",
        "log2_inflow",
        "share_from_main_source",
        "n_cells",
    ),
    "shifts": (
        "share_of_source",
        "mean_shift",
        "covariance_shift",
        "total_shift",
        "mean_shift_sd",
        "total_shift_sd",
        "unbiased_shift_sd",
        "ci_low",
        "ci_high",
    ),
    "genes": (
        "component",
        "log2_change",
        "mean_source",
        "mean_target",
        "fraction_source",
        "fraction_target",
        "rank",
        "n_subpopulations",
        "de_log2_change",
        "de_p",
        "de_q",
        "common_change",
        "specific_change",
    ),
    "components": ("component", "weight", "share", "n_cells", "cell_type_purity"),
    "donors": ("component", "share", "n_cells"),
    "donor_shifts": ("component", "position_sd", "n_cells"),
    "sensitivity": ("component", "log2_net", "difference", "F"),
}
REQUIRED = {
    "factors": ("component", "name", "share_source", "share_target", "log2_net", "n_cells"),
    "transfers": (
        "source",
        "target",
        "source_component",
        "target_component",
        "mass",
        "share_of_source",
        "share_of_target",
    ),
    "arrivals": ("component", "name", "share_target", "inflow", "main_source"),
    "shifts": ("source", "target", "share_of_source", "mean_shift_sd"),
    "genes": ("component", "name", "gene", "log2_change", "rank"),
    "components": ("side", "component", "name", "share"),
    "donors": ("side", "donor", "component", "share"),
    "donor_shifts": ("side", "donor", "component", "name", "position_sd"),
    "sensitivity": ("parameter", "value", "component", "name", "log2_net"),
}
MAY_BE_ABSENT = ("genes", "donors", "shifts", "components", "donor_shifts", "sensitivity")
CELLS_ONLY = "cells"  # where an interval comes from that no donor stands behind

TABLES = (
    ("factors", "transfers", "arrivals", "shifts", "genes", "gene_agreement", "components")
    + ("donors", "donor_shifts", "sensitivity")
)  # fmt: skip
