#!/bin/sh
# Puts what is uploaded beside this file, laid out as Snowflake wants it: the entry here, all else in
# app/. It is the commit that is checked out, whatever has been edited since.
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

# What lies beside the entry has to lie beside it there too. The packages that it imports stay where
# they are, so that the imports do.
cp -R "$bundle/app"/code_package/streamlit/. "$bundle/app"

# Exactly the versions of the lock. Snowflake does not read hashes.
uv export --frozen --no-dev --no-hashes --no-emit-project --quiet --output-file "$bundle/app/requirements.txt"
mv "$bundle/app"/Home.py "$bundle"/Home.py
echo "$(git rev-parse HEAD) is in $bundle"
