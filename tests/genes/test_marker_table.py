from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm.genes.marker_table import find_markers, other_gene_names, read_marker_table
from cgmm.pp import InputError

ROOT = Path(__file__).resolve().parents[2]
ROWS = pd.DataFrame(
    {
        "cell_type": ["T", "T", "T", "B", "B"],
        "gene": ["CD3D", "IL7R", "MS4A1", "MS4A1", "CD79A"],
        "sign": ["+", 1, "down", "", "UP"],
        "source": "anything",
    }
)


def test_signs_may_be_written_in_several_ways_and_other_columns_are_not_read() -> None:
    table = read_marker_table(ROWS)
    assert table.cell_types == ("T", "B")
    assert table.signs == ({"CD3D": 1, "IL7R": 1, "MS4A1": -1}, {"MS4A1": 1, "CD79A": 1})
    assert table.genes == ["CD3D", "IL7R", "MS4A1", "CD79A"]
    assert table.notices == ()
    assert set(read_marker_table(ROWS[["cell_type", "gene"]].head(2)).signs[0].values()) == {1}


def test_a_file_reads_as_the_frame_that_it_was_written_from(tmp_path: Path) -> None:
    path = tmp_path / "markers.tsv"
    path.write_text("# a remark\n\n" + ROWS.to_csv(sep="\t", index=False), encoding="utf-8-sig")
    assert read_marker_table(path) == read_marker_table(ROWS)
    assert read_marker_table(str(path)) == read_marker_table(ROWS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("cell_type\tgene\n", "is empty"),
        ("cell_type,gene\nT,CD3D\n", "not separated by tabs"),
        ("type\tgene\nT\tCD3D\n", "column 'cell_type' is missing (columns: type, gene)"),
        ("cell_type\tgene\tgene\nT\tA\tB\n", "'gene' occurs twice"),
        ("cell_type\tgene\tsign\nT\tCD3D\thigh\n", "row 1: the sign 'high' is neither + nor -"),
        ("cell_type\tgene\nT\tCD3D\nT\n", "row 2: gene is empty"),
        ("cell_type\tgene\nT\tCD3D\n\tCD4\n", "row 2: cell_type is empty"),
        ("cell_type\tgene\tsign\nT\tCD3D\t+\nT\tCD3D\t-\n", "row 2: CD3D has both signs in 'T'"),
        ("cell_type\tgene\tsign\nT\tCD3D\t+\nB\tCD3D\t-\n", "B has no gene with the sign +"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_a_sentence(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "markers.tsv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_marker_table(path)
    assert says in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_marker_table(tmp_path / "nowhere.tsv")
    with pytest.raises(InputError, match="cannot be read"):
        read_marker_table("markers\0.tsv")
    with pytest.raises(InputError, match="it is a folder"):
        read_marker_table(tmp_path)
    path = tmp_path / "markers.tsv"
    path.write_bytes("cell_type\tgene\nT\tä".encode("latin-1"))
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_marker_table(path)
    with path.open("wb") as stream:
        stream.truncate(20_000_001)
    with pytest.raises(InputError, match="larger than 20 MB"):
        read_marker_table(path)
    with pytest.raises(TypeError, match="a path or a DataFrame, not list"):
        read_marker_table([("T", "CD3D")])  # type: ignore[arg-type]


def test_rows_that_repeat_and_a_single_type_are_noticed() -> None:
    table = read_marker_table(pd.DataFrame({"cell_type": ["T", "T"], "gene": ["CD3D", "CD3D"]}))
    assert "rows that repeat a gene of the same type (1) count once" in table.notices[0]
    assert "one cell type only" in table.notices[1]


def test_genes_are_found_by_name_by_spelling_and_by_other_names() -> None:
    table = read_marker_table(ROWS)
    named = find_markers(table, ["MS4A1", "CD3D", "X", "IL7R", "CD79A"])
    np.testing.assert_array_equal(named.signs, [[-1, 1, 0, 1, 0], [1, 0, 0, 0, 1]])
    assert named.notices == ()
    spelt = find_markers(table, ["ms4a1", "Cd3d", "x", "IL7R", "CD79a"])
    np.testing.assert_array_equal(spelt.signs, named.signs)
    ids = [f"ENSG0000000000{i}" for i in range(5)]
    other = {"symbol": ["MS4A1", "CD3D", "X", "IL7R", "CD79A"]}
    np.testing.assert_array_equal(find_markers(table, ids, other_names=other).signs, named.signs)
    versioned = read_marker_table(
        pd.DataFrame({"cell_type": ["T", "B"], "gene": ["ENSG00000000001.4", ids[0]]})
    )
    assert find_markers(versioned, ids).signs[:, :2].tolist() == [[0, 1], [1, 0]]
    # the exact name comes before another spelling of it
    assert find_markers(table, ["cd3d", "CD3D"]).signs[0].tolist() == [0, 1]


def test_genes_and_types_that_the_data_lack_are_named() -> None:
    found = find_markers(read_marker_table(ROWS), ["CD3D", "MS4A2", "IL7R"])
    assert found.cell_types == ("T",)
    np.testing.assert_array_equal(found.signs, [[1, 0, 1]])
    assert "2 of the 4 genes" in found.notices[0]
    assert found.notices[0].endswith("left out: MS4A1, CD79A.")
    assert "no gene that marks B" in found.notices[1]
    with pytest.raises(InputError, match=r"None of the genes .*called A, B, C: write"):
        find_markers(read_marker_table(ROWS), ["A", "B", "C"])


def test_columns_of_text_may_hold_other_names() -> None:
    var = pd.DataFrame({"symbol": ["A", None], "n": [1, 2], "kind": pd.Categorical(["x", "y"])})
    assert other_gene_names(var) == {"symbol": ["A", ""], "kind": ["x", "y"]}


def test_the_table_for_blood_is_sound() -> None:
    table = read_marker_table(ROOT / "config" / "markers_blood.tsv")
    assert table.notices == ()
    assert {"CD14 monocyte", "CD4 T cell", "B cell", "NK cell"} <= set(table.cell_types)
    assert all(sum(sign > 0 for sign in own.values()) >= 6 for own in table.signs)
    # a gene that is low in a type marks another type
    high = {gene for own in table.signs for gene, sign in own.items() if sign > 0}
    assert high == set(table.genes)
