"""The samples of a dataset, with the paths that their files have in a job."""


def samples_of(rows, files):
    """Return the samples of a dataset, with the paths that their files have in this job.

    ``files`` are the inputs of the rule: the paths of the rows, each once and in the same order,
    or copies of these files that Snakemake fetched from a storage.
    """
    from cgmm.pp import Sample

    here = dict(zip(dict.fromkeys(row["path"] for row in rows), files, strict=True))
    return [Sample(**row | {"path": str(here[row["path"]])}) for row in rows]
