from _setup import start

start(snakemake)

from cgmm._utils.files import atomic
from cgmm._utils.strict_json import dumps
from cgmm.pp import check_annotation

key = snakemake.params.annotation_key
check_annotation(snakemake.input, annotation_key=key)
with atomic(snakemake.output[0]) as temporary:
    temporary.write_text(dumps({"annotation_key": key}) + "\n", encoding="utf-8")
