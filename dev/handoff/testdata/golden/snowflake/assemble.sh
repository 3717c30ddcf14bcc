#!/bin/sh
# Copies the files to upload next to this file, in Snowflake's layout: the entry script here, everything
# else in app/. It takes them from the commit that is checked out, without uncommitted changes.
#
#   ./assemble.sh [DIR OF THE PROJECT]
#
# Only what git has goes along, so neither secrets.toml nor .env nor ~/.aws can.
set -eu
cd "$(dirname "$0")"
bundle=$(pwd)
if [ $# = 0 ]; then
  root=$(git rev-parse --show-toplevel)
  set -- "$root"/.
fi
cd "$1"

rm -rf "$bundle/app" "$bundle"/*.py
mkdir "$bundle/app"
git --literal-pathspecs archive HEAD -- code_package | tar -x -C "$bundle/app"
if git cat-file -e HEAD:./.streamlit/config.toml 2>/dev/null; then
  git archive HEAD -- .streamlit/config.toml | tar -x -C "$bundle/app"
fi

# The files next to the entry script have to be next to it there, too. The packages that it imports keep
# their places, so that the imports still work.
cp -R "$bundle/app"/code_package/streamlit/. "$bundle/app"

# Exactly the versions of the lock. Snowflake does not read hashes.
uv export --frozen --no-dev --no-hashes --no-emit-project --quiet --output-file "$bundle/app/requirements.txt"
mv "$bundle/app"/Home.py "$bundle"/Home.py
echo "$(git rev-parse HEAD) is in $bundle"
