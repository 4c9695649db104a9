/* kofile.h - kernel module files for tests: headers, and a .modinfo. */
#ifndef KOFILE_H
#define KOFILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/* This machine's, and one that is not. */
#if defined(__x86_64__)
#define KOFILE_MACHINE EM_X86_64
#define KOFILE_OTHER EM_AARCH64
#define KOFILE_ARCH "amd64"
#define KOFILE_OTHER_ARCH "arm64"
#else
#define KOFILE_MACHINE EM_AARCH64
#define KOFILE_OTHER EM_X86_64
#define KOFILE_ARCH "arm64"
#define KOFILE_OTHER_ARCH "amd64"
#endif

#define KOFILE_HEAD 512 /* bytes in front of the .modinfo */

/* Write a module of ${machine} to ${p}, which has room for KOFILE_HEAD and ${len}.  Its size. */
size_t kofile_make(uint8_t *p, uint16_t machine, const char *modinfo, size_t len);

#endif
