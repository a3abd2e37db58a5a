import time

def leaky():
    data = []
    for i in range(10_000_00):
        data.append('x' * 100)   # allocate ~100 bytes each
    time.sleep(5)               # hold so profiler can sample

if __name__ == "__main__":
    leaky()
