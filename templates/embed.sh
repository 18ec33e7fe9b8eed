#!/bin/sh
# Writes C source that holds files: embed.sh TEMPLATE.xml... -- OTHER...
# The first ones are builtin_templates[], the others builtin_files[].
set -eu
put() {
	printf '{ "%s", ""\n' "$1"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/"/' -e 's/$/\\n"/' "$2"
	echo '},'
}
close() {
	echo '};'
	echo "const unsigned n_$1 = sizeof($1) / sizeof($1[0]);"
}
echo '#include "topology/builtin.h"'
echo 'const struct builtin_template builtin_templates[] = {'
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	put "$(basename "$1" .xml)" "$1"
	shift
done
close builtin_templates
shift
echo 'const struct builtin_template builtin_files[] = {'
for f; do
	put "${f#templates/}" "$f"
done
close builtin_files
