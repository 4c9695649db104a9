/* version.h - what this binary is and what it was built from. */
#ifndef VERSION_H
#define VERSION_H

/* "0.1.0". */
const char *version_text(void);

/* `evac version`: one line a component.  Exit status. */
int version_main(int argc, char **argv);

#endif
