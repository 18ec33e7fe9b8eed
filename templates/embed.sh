#!/bin/sh
# Writes C source that holds the given files: builtin_templates[].
set -eu
echo '#include "topology/builtin.h"'
echo 'const struct builtin_template builtin_templates[] = {'
for f; do
	name=$(basename "$f" .xml)
	printf '{ "%s", ""\n' "$name"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/"/' -e 's/$/\\n"/' "$f"
	echo '},'
done
echo '};'
echo 'const unsigned n_builtin_templates ='
echo '	sizeof(builtin_templates) / sizeof(builtin_templates[0]);'
