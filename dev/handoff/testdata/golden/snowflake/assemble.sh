#!/bin/sh
# Fills app/ with what is uploaded: the commit that is checked out, laid out as Snowflake wants it.
#
#   ./assemble.sh [FOLDER OF THE PROJECT]
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

rm -rf "$bundle/app"
mkdir "$bundle/app"
git --literal-pathspecs archive HEAD -- code_package | tar -x -C "$bundle/app"
if git cat-file -e HEAD:./.streamlit/config.toml 2>/dev/null; then
  git archive HEAD -- .streamlit/config.toml | tar -x -C "$bundle/app"
fi

# The entry has to lie in the root, and its pages beside it. The packages that it imports stay where
# they are, so that the imports do.
cp -R "$bundle/app"/code_package/streamlit/. "$bundle/app"

cp "$bundle/requirements.txt" "$bundle/app/requirements.txt"
echo "$(git rev-parse HEAD) is in $bundle/app"
