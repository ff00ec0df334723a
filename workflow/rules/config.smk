"""The config. Its encoding is checked first, because Snakemake ends in a traceback otherwise."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(str(workflow.basedir))
sys.path.insert(0, str(ROOT))

from workflow.config import check_encoding
from workflow.validation import SettingsError

try:
    check_encoding(Path("config/config.yaml"))
except SettingsError as error:
    message = f"Nothing was run. Please correct:\n{error}"
    raise WorkflowError(message) from None


configfile: "config/config.yaml"
