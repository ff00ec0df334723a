"""Shares of populations in donors."""

from __future__ import annotations

import numpy as np

from cgmm.report.claims.donor_shares import donor_pairs
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import read_results
from tests.report.numbers import tsv, wide_shares


def test_paired_donors_are_counted_as_they_went(made):
    folder, _ = made("paired")
    results = read_results(folder)
    before, after = wide_shares(folder)
    up = (after.to_numpy() > before.to_numpy()).sum(0)
    factors = tsv(folder, "factors").set_index("name")
    for f in make_verdict(results).findings:
        if np.isfinite(f.share_source) and f.name in set(results.tables["arrivals"]["name"]):
            k = int(factors.loc[f.name, "component"])
            assert (f.donors_up, f.donors_paired) == (up[k], 8)
    pairs = donor_pairs(results)
    target = pairs.loc[pairs["side"] == "target"].pivot_table(
        index="donor", columns="component", values="share"
    )
    np.testing.assert_allclose(target.to_numpy(), after[target.columns].to_numpy())
