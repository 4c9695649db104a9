/* image_cover.h - which of the machine's memory is not in the image. */
#ifndef IMAGE_COVER_H
#define IMAGE_COVER_H

struct extract;
struct findings;

/*
 * Compare the LiME image JOIN_MEMORY below ${x} with memory/proc/iomem beside
 * it, and note what is missing.  Without either there is nothing to say.
 */
void image_cover_note(struct extract *x, struct findings *f);

#endif
