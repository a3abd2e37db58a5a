"""leaky.py, but it really leaks: every string is made anew and kept."""
cache = []


def remember(i):
    cache.append(('x%d' % i) * 20)


def serve(requests):
    for i in range(requests):
        remember(i)


if __name__ == "__main__":
    serve(100_000)
