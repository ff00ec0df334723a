"""The code beside the workflow, then the config.

The encoding of the config is checked first, because Snakemake ends in a traceback otherwise.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(str(workflow.current_basedir)).parents[1]
sys.path.insert(0, str(ROOT))

from workflow.own_code import OtherPackageError, use_own_code

try:
    use_own_code(ROOT)
except OtherPackageError as error:
    raise WorkflowError(f"Nothing was run. {error}") from None

from workflow.config import check_encoding
from workflow.validation import SettingsError

try:
    check_encoding(Path("config/config.yaml"))
except SettingsError as error:
    message = f"Nothing was run. Please correct:\n{error}"
    raise WorkflowError(message) from None


configfile: "config/config.yaml"
