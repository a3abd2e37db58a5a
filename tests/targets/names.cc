// names.cc - C++ names for the tests of symbols: namespaces, templates, lambdas.
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace shop {

template <class T> class shelf {
public:
	__attribute__((noinline)) void put(const T &x)
	{
		things.push_back(x);
	}
	std::vector<T> things;
};

struct till {
	virtual ~till() {}
	virtual int pay(int sum)
	{
		auto note = [this](int n) { book[std::to_string(n)] = n; };

		note(sum);
		return (int)book.size();
	}
	std::map<std::string, int> book;
};

}

int main(int argc, char **argv)
{
	shop::shelf<std::string> s;
	shop::till t;

	for (int i = 0; i < argc; i++)
		s.put(argv[i]);
	std::printf("%zu %d\n", s.things.size(), t.pay(argc));
	return 0;
}
