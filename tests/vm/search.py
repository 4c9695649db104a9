"""Finds what a kernel without CONFIG_KALLSYMS_ALL does not name: its symbols are functions only.

The kernel's own data is searched for things that cannot be anything else, judged by BTF's offsets and by lists that
close.
"""
import re

PAGE = 4096
REACH = 4 << 20  # of a module: its data is not far behind its functions


def pages(space, start, end):
    """(address, bytes) of the runs of pages that are mapped."""
    at, run = start, []
    for address in range(start & -PAGE, end, PAGE):
        try:
            page = space.read(address, PAGE)
        except KeyError:
            page = None
        if page is None and run:
            yield at, b"".join(run)
            run = []
        if page is not None:
            at = at if run else address
            run.append(page)
    if run:
        yield at, b"".join(run)


def kernel_image(kernel):
    """The kernel's text and data by their own addresses, as /proc/iomem has them."""
    table = kernel.file("memory/proc/iomem").decode()
    spans = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"([0-9a-f]+)-([0-9a-f]+) : Kernel (?:code|data)", table)]
    text = kernel.symbols["_stext"]
    shift = text - kernel.space.physical(text)
    # Between the two lies what is read only.
    return min(a for a, _ in spans) + shift, max(b for _, b in spans) + shift


def idle_task(kernel, start, data):
    name = kernel.types.field("task_struct", "comm")[0]
    tasks = kernel.types.field("task_struct", "tasks")[0]
    for hit in re.finditer(rb"swapper(/0)?\0", data):
        task = start + hit.start() - name
        if task % 16 == 0 and kernel.get(task, "task_struct", "pid") == 0 and kernel.is_linked(task + tasks):
            return task
    raise AssertionError("no idle task in the kernel's data")


def module_list(kernel, first, last):
    """The head of the list, which lies in the kernel's data: the one link that is no module's."""
    name, link = kernel.types.field("module", "name")[0], kernel.types.field("module", "list")[0]
    for module, near in kernel.of_modules.items():
        for start, data in pages(kernel.space, near, near + REACH):
            for hit in re.finditer(re.escape(module.encode()) + rb"\0", data):
                at = start + hit.start() - name + link
                if at % 8 or not kernel.is_linked(at):
                    continue
                for _ in range(len(kernel.of_modules) + 1000):
                    if first <= at <= last:
                        return at
                    at = kernel.space.number(at)
    raise AssertionError("no list of modules")


def find_data(kernel):
    first, last = kernel_image(kernel)
    at, size = kernel.types.field("uts_namespace", "name.version")
    version = kernel.space.text(kernel.symbols["init_uts_ns"] + at, size)
    # There is another without the version, which the linker did not take.
    whole = re.compile(re.escape(f"Linux version {kernel.space.info['OSRELEASE']} (".encode()) + rb"[^\0]* " + re.escape(version))
    for start, data in pages(kernel.space, first, last):
        hit = whole.search(data)
        if hit:
            kernel.symbols.setdefault("linux_banner", start + hit.start())
        if b"swapper" in data and "init_task" not in kernel.symbols:
            try:
                kernel.symbols["init_task"] = idle_task(kernel, start, data)
            except AssertionError:
                pass
    kernel.symbols["modules"] = module_list(kernel, first, last)
