/*
 * memory_module.c - what a kernel module file says of itself.
 *
 * No I/O.  The file may be cut or forged: every offset is checked, and text is
 * taken only as far as it ends in a NUL inside its section.
 */
#include "memory_module.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64
#endif

/* Behind the signature block (Linux kernel/module/signing.c). */
static const char signature_mark[] = "~Module signature appended~\n";

/* The section ${index}'s header.  False when it lies outside of the file. */
static bool section(const uint8_t *file, size_t len, unsigned index,
		    Elf64_Shdr *ret)
{
	Elf64_Ehdr e;
	uint64_t at;

	memcpy(&e, file, sizeof(e));
	if (e.e_shentsize != sizeof(*ret) || index >= e.e_shnum ||
	    e.e_shoff > len)
		return false;
	at = e.e_shoff + (uint64_t)index * sizeof(*ret);
	if (at > len || len - at < sizeof(*ret))
		return false;
	memcpy(ret, file + at, sizeof(*ret));
	return ret->sh_type == SHT_NOBITS ||
	       (ret->sh_offset <= len && ret->sh_size <= len - ret->sh_offset);
}

/* Find .modinfo.  NULL when there is none. */
static const char *find_modinfo(const uint8_t *file, size_t len, size_t *ret_len)
{
	static const char want[] = ".modinfo";
	Elf64_Ehdr e;
	Elf64_Shdr names, s;

	memcpy(&e, file, sizeof(e));
	if (!section(file, len, e.e_shstrndx, &names) ||
	    names.sh_type == SHT_NOBITS)
		return NULL;
	for (unsigned i = 0; i < e.e_shnum; i++) {
		if (!section(file, len, i, &s) || s.sh_type == SHT_NOBITS ||
		    s.sh_name > names.sh_size ||
		    names.sh_size - s.sh_name < sizeof(want) ||
		    memcmp(file + names.sh_offset + s.sh_name, want,
			   sizeof(want)) != 0)
			continue;
		*ret_len = (size_t)s.sh_size;
		return (const char *)file + s.sh_offset;
	}
	return NULL;
}

/* Copy the value of "${key}="; "" when there is none, or none that fits. */
static void get(const char *info, size_t len, const char *key, char *ret, size_t cap)
{
	size_t want = strlen(key);

	ret[0] = '\0';
	while (len > 0) {
		size_t n = strnlen(info, len);

		if (n == len)
			return;
		if (n > want && memcmp(info, key, want) == 0 && info[want] == '=') {
			const char *value = info + want + 1;
			size_t size = strlen(value);

			if (size < cap) {
				memcpy(ret, value, size);
				ret[size] = '\0';
			}
			return;
		}
		info += n + 1;
		len -= n + 1;
	}
}

int memory_module_parse(const void *file, size_t len, struct memory_module *ret)
{
	const uint8_t *p = file;
	size_t mark = sizeof(signature_mark) - 1, info_len;
	const char *info;
	Elf64_Ehdr e;

	if (len < sizeof(e))
		return -ENOEXEC;
	memcpy(&e, p, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_type != ET_REL)
		return -ENOEXEC;
	info = find_modinfo(p, len, &info_len);
	if (info == NULL)
		return -ENOEXEC;
	*ret = (struct memory_module){
		.machine = e.e_machine,
		.is_signed = len >= mark &&
			     memcmp(p + len - mark, signature_mark, mark) == 0,
	};
	get(info, info_len, "name", ret->name, sizeof(ret->name));
	get(info, info_len, "vermagic", ret->vermagic, sizeof(ret->vermagic));
	mark = strcspn(ret->vermagic, " ");
	if (mark == 0 || mark >= sizeof(ret->release))
		return -ENOEXEC;
	memcpy(ret->release, ret->vermagic, mark);
	return 0;
}

bool memory_module_is_native(const struct memory_module *m)
{
	return m->machine == MACHINE;
}

/* Does ${text} have a word that begins with ${word}? */
static bool has(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += len)
		if (at > text && at[-1] == ' ')
			return true;
	return false;
}

const char *memory_module_misfit(const struct memory_module *m, const char *release,
				 const char *version)
{
	if (strcmp(m->release, release) != 0)
		return "module for another kernel release";
	if (version[0] == '\0')
		return NULL;
	if (has(m->vermagic, "SMP") != has(version, "SMP") ||
	    has(m->vermagic, "preempt") != has(version, "PREEMPT") ||
	    has(m->vermagic, "preempt_rt") != has(version, "PREEMPT_RT"))
		return "module for another build of this kernel release (SMP, preemption)";
	return NULL;
}
