"""The words of the report, explained once."""

from __future__ import annotations

GLOSSARY = (
    (
        "Subpopulation",
        "A group of cells with a similar profile. Technically one Gaussian "
        "component of the fitted mixture. Its name comes from your annotation or its marker genes.",
    ),
    ("Source, target", "The two conditions, in order: changes are told from source to target."),
    (
        "Share",
        "The fraction of cells that belong to a subpopulation. A cell between two "
        "subpopulations counts partly for each. With donors, every donor counts equally.",
    ),
    (
        "Transfer",
        "How much of a source subpopulation corresponds to a target subpopulation. "
        "It is a statement about populations; single cells are not followed.",
    ),
    (
        "Net factor",
        "Share in the target divided by share in the source: ×2 is twice as common, "
        "×0.5 half as common. Relative: if one subpopulation grows, others must fall.",
    ),
    (
        "95% interval",
        "The range that fits how much donors scatter: the numbers again with donors drawn anew. "
        "It needs at least three donors per condition; drawn from cells alone it is too narrow.",
    ),
    (
        "p, q",
        "p: how often donors that do not differ would scatter this much. q: p corrected for "
        "looking at many subpopulations; under 0.05 is called a change.",
    ),
    (
        "State shift (SD)",
        "How far the centre of a subpopulation moved, in typical spreads within "
        "a subpopulation. Under 0.25: not visible; up to 0.5: small; up to 1: moderate; above: "
        "strong.",
    ),
    ("log2 change", "Change of average expression: 1 is a doubling, −1 a halving."),
    (
        "New, gone",
        "A target subpopulation without a convincing origin; a source subpopulation "
        "without a convincing counterpart.",
    ),
    (
        "Settled",
        "No other price of reweighting (rho) and no other partition of the cells that was tried "
        "moves the factor by more than twofold.",
    ),
    (
        "Without a donor, against",
        "The factor computed again without one donor; a donor goes against a change when it alone "
        "points the other way.",
    ),
    (
        "Outflow, inflow",
        "Weight factors on leaving and on arriving, as the coupling sees them "
        "(normalised by F). The net factor is the one to read.",
    ),
    (
        "Coupling, F",
        "The table of matched mass between subpopulations, and its total. F falls as states move "
        "far and as leaving cells unmatched gets cheap (small rho), so alone it says little.",
    ),
    (
        "Donor",
        "The person or animal. The unit of replication: ten thousand cells of one person "
        "are still one person.",
    ),
    (
        "epsilon, rho, transport weight",
        "Settings: how soft the matching is; how costly it is to "
        "leave mass unmatched; how strongly matching guides the fit. Chosen from the data unless "
        "set; the reasons stand under Parameters.",
    ),
)
