"""TAP for the tests of packaging/: check(condition, what), skip(what, why)."""
count = 0
failed = 0


def check(good, what, why=""):
    global count, failed
    count += 1
    if good:
        print("ok %d - %s" % (count, what))
    else:
        failed += 1
        for line in str(why).splitlines()[:20]:
            print("# " + line)
        print("not ok %d - %s" % (count, what))
    return good


def none(problems, what):
    problems = list(problems)
    return check(not problems, what, "\n".join(map(str, problems)))


def skip(what, why):
    global count
    count += 1
    print("ok %d - %s # SKIP %s" % (count, what, why))
