#!/bin/sh
# Refreshes web/vendor/three from the npm package "three": ./vendor.sh [version]
# Needs npm and tar. Nothing else of the project does: the files are kept in the tree.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
into=$here/web/vendor/three
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "three@${1:-latest}" >/dev/null
tar xzf three-*.tgz
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package/package.json)

rm -rf "$into"
mkdir -p "$into/build" "$into/addons/controls" "$into/addons/loaders" "$into/addons/utils"
for f in three.module three.core; do
	cp "package/build/$f.js" "$into/build/$f.js"
done
for f in controls/OrbitControls loaders/GLTFLoader utils/BufferGeometryUtils utils/SkeletonUtils; do
	cp "package/examples/jsm/$f.js" "$into/addons/$f.js"
done
cp package/LICENSE "$into/LICENSE"
printf 'Package: three (npm)\nVersion: %s\nLicence: MIT, see LICENSE\nUnchanged; refreshed by vendor.sh.\n' "$version" >"$into/vendor.txt"

# Every relative import of a copied file must have been copied too.
find "$into" -name '*.js' | while read -r f; do
	sed -n "s/.*from '\(\.[^']*\)'.*/\1/p" "$f" | while read -r dep; do
		[ -f "$(dirname "$f")/$dep" ] || { echo "$f imports $dep, which is not here" >&2; exit 1; }
	done
done
echo "three $version"
