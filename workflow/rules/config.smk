"""The config. Snakemake answers a file that is not in UTF-8 with a traceback: look before."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(str(workflow.basedir))
sys.path.insert(0, str(ROOT))

from workflow.settings import problem_of_encoding

if problem := problem_of_encoding(Path("config/config.yaml")):
    message = f"Nothing was run. Please correct:\n{problem}"
    raise WorkflowError(message)


configfile: "config/config.yaml"
