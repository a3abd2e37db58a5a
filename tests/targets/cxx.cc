// cxx.cc [ROUNDS] - C++ memory: exceptions thrown through many frames while others are
// being handled, operator new plain, nothrow and aligned, frames that realign
// the stack.  Prints "cxx N N".
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <stdexcept>
#include <string>

struct thing {
	std::string s;
	explicit thing(int i) : s(40 + i % 50, 'x') {}
	~thing() { std::free(std::malloc(10)); }
};

__attribute__((noinline)) static int fall(int n)
{
	thing t(n);

	if (n == 0)
		throw std::runtime_error("bottom");
	return fall(n - 1) + (int)t.s.size();
}

__attribute__((noinline)) static double realigned(int n)
{
	alignas(64) volatile double a[16];
	void *volatile p = std::malloc(n + 1);

	for (int i = 0; i < 16; i++)
		a[i] = n + i;
	std::free(p);
	return a[3];
}

struct alignas(128) wide {
	char c[128];
};

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 2000;
	std::map<int, std::string> caught;
	double sum = 0;

	for (int i = 0; i < rounds; i++) {
		try {
			fall(i % 40);
		} catch (const std::exception &e) {
			caught[i % 100] = e.what();
		}
		sum += realigned(i % 50);
		delete new wide;
		delete[] new (std::nothrow) long[i + 1];
	}
	std::printf("cxx %zu %.0f\n", caught.size(), sum);
	return 0;
}
