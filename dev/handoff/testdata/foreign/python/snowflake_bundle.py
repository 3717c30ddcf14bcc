"""Reads projects as the Snowflake CLI does before it uploads: python snowflake_bundle.py DIRS.

Prints for each, as JSON, what its parser made of snowflake.yml and, where the entry is there already, the
files that would be uploaded.
"""

import json
import sys
from pathlib import Path

from snowflake.cli._plugins.streamlit.streamlit_entity import StreamlitEntity
from snowflake.cli._plugins.workspace.context import WorkspaceContext
from snowflake.cli.api.console import cli_console
from snowflake.cli.api.project.definition_manager import DefinitionManager

results = []
for directory in sys.argv[1:]:
    root = Path(directory).resolve()
    model = DefinitionManager(str(root)).project_definition.entities["app"]
    result = {"model": json.loads(model.model_dump_json(exclude_none=True)), "files": []}
    if (root / model.main_file).exists():
        workspace = WorkspaceContext(
            console=cli_console, project_root=root, get_default_role=lambda: "", get_default_warehouse=lambda: ""
        )
        out = root / "output" / "upload"
        StreamlitEntity(entity_model=model, workspace_ctx=workspace).bundle(out)
        result["files"] = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    results.append(result)
print(json.dumps(results))
