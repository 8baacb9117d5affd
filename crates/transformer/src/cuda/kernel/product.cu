// Products of matrices by one block of threads, on its tensor cores.
//
// A tile of the result lies in registers, what it is made of goes through shared memory in slices. Tensor cores see ten
// bits of each number's fraction and leave the rest unseen, so that a number is split in two and a product in three; what
// remains is an error of 2^-20.
// Rows of all matrices in memory are padded with zeros to whole multiples of 16.

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
// Of a slice, and its longest side.
constexpr int DEPTH = 16;
constexpr int LARGEST = 128;
constexpr float LOWEST = -3.402823466e38f;

__device__ __forceinline__ int thread() { return threadIdx.x; }
__device__ __forceinline__ int warp() { return threadIdx.x / 32; }
__device__ __forceinline__ int lane() { return threadIdx.x % 32; }

constexpr int padded(int n) { return (n + 15) / 16 * 16; }

__device__ __forceinline__ float4 load(const float* from) { return *reinterpret_cast<const float4*>(from); }
__device__ __forceinline__ void store(float* to, float4 x) { *reinterpret_cast<float4*>(to) = x; }
__device__ __forceinline__ float2 load_two(const float* from) { return *reinterpret_cast<const float2*>(from); }
__device__ __forceinline__ void store_two(float* to, float2 x) { *reinterpret_cast<float2*>(to) = x; }
__device__ __forceinline__ float4 zero() { return make_float4(0, 0, 0, 0); }
__device__ __forceinline__ float4 operator+(float4 a, float4 b) {
    return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ __forceinline__ float4 operator*(float4 a, float4 b) {
    return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
__device__ __forceinline__ float4 operator*(float a, float4 b) { return make_float4(a * b.x, a * b.y, a * b.z, a * b.w); }

// Rows of a matrix: all of them, or those of a list.
struct Rows {
    float* values;
    int stride;
    const unsigned short* list;
    __device__ float* operator()(int row) const { return values + (list ? list[row] : row) * stride; }
};

// x W + b of rows x; dy W' of rows dy; x' dy.
enum Kind { LINEAR, BACK, GRADIENT };

// A product [rows, depth] [depth, columns], and what becomes of it.
struct Product {
    int rows, columns, depth;
    Rows left, right;
    const float* bias; // added to each row of LINEAR
    float* d_bias;     // where GRADIENT writes the sum of the rows of its right side, added to what is there where there is `plus`
    Rows plus, times;  // what stands in the same place there is added, or multiplied by in BACK
    Rows out;
};

// Slices of one side on their way from memory to shared memory: of rows that lie along the depth of the product, or across
// it. How far apart they lie in shared memory lets a warp read from all banks at once.
template <int SIZE, bool ALONG>
struct Slices {
    static constexpr int LINE = ALONG ? DEPTH + 4 : SIZE + 8, FLOATS = ALONG ? SIZE * LINE : DEPTH * LINE;
    static constexpr int FOURS = SIZE * DEPTH / 4, COUNT = (FOURS + THREADS - 1) / THREADS;
    const float* from[COUNT]; // null: there is nothing, which is 0

    static __device__ __forceinline__ int outer(int i) { return ALONG ? i / (DEPTH / 4) : i % (SIZE / 4) * 4; }
    static __device__ __forceinline__ int inner(int i) { return ALONG ? i % (DEPTH / 4) * 4 : i / (SIZE / 4); }

    // Begins at row or column `first` of so many.
    __device__ __forceinline__ void begin(const Rows& rows, int first, int count) {
#pragma unroll
        for (int n = 0; n < COUNT; n++) {
            const int i = thread() + n * THREADS, at = first + outer(i);
            from[n] = i >= FOURS || at >= count ? nullptr : ALONG ? rows(at) + inner(i) : rows.values + inner(i) * rows.stride + at;
        }
    }
    // Asks for the next slice, which begins at so much of the depth.
    __device__ __forceinline__ void ask(float* to, const Rows& rows, int at, int depth) {
#pragma unroll
        for (int n = 0; n < COUNT; n++) {
            const int i = thread() + n * THREADS, row = at + inner(i);
            if (FOURS % THREADS != 0 && i >= FOURS) continue;
            const float* here = ALONG || row < depth ? from[n] : nullptr;
            if (!ALONG && rows.list && here) here += (rows.list[row] - row) * rows.stride;
            copy_four(to + (ALONG ? outer(i) * LINE + inner(i) : inner(i) * LINE + outer(i)), here);
            if (from[n]) from[n] += ALONG ? DEPTH : DEPTH * rows.stride;
        }
    }
    static __device__ __forceinline__ float get(const float* slice, int outer, int inner) {
        return slice[ALONG ? outer * LINE + inner : inner * LINE + outer];
    }
};

// Shared memory for slices under way; also for what is summed over a block.
constexpr int STAGES = 4;
constexpr int SLICES = STAGES * 2 * LARGEST * (DEPTH + 4);

// Computes a tile [M, N] of a product, of which each warp has [WM, WN].
template <Kind KIND, int M, int N, int WM, int WN>
__device__ __noinline__ void tile(const Product& p, int m, int n) {
    static_assert(M / WM * (N / WN) == WARPS && WM % 16 == 0 && WN % 8 == 0, "each warp has its part");
    using Left = Slices<M, KIND != GRADIENT>;
    using Right = Slices<N, KIND == BACK>;
    static_assert(STAGES * (Left::FLOATS + Right::FLOATS) <= SLICES, "they fit");
    constexpr int DOWN = WM / 16, ACROSS = WN / 8;
    const int y = warp() / (N / WN) * WM + lane() / 4, x = warp() % (N / WN) * WN + lane() / 4, k = lane() % 4;
    const Rows of_left = p.left, of_right = p.right;
    const int end = p.depth;
    float *lefts = shared(), *rights = lefts + STAGES * Left::FLOATS;
    Left a;
    Right b;
    a.begin(of_left, m, KIND == GRADIENT ? of_left.stride : p.rows);
    b.begin(of_right, n, KIND == BACK ? p.columns : of_right.stride);
    const auto ask = [&](int slice) {
        const int at = slice * DEPTH, stage = slice % STAGES;
        if (at < end) {
            a.ask(lefts + stage * Left::FLOATS, of_left, at, end);
            b.ask(rights + stage * Right::FLOATS, of_right, at, end);
        }
        copies_asked();
    };
    for (int slice = 0; slice < STAGES - 1; slice++) ask(slice);

    // What it begins with is read while the first slices are under way. Behind the last row or column stand others that may
    // be read, so that nothing waits for a branch.
    float sum[DOWN][ACROSS][4], of_bias = 0;
    const int row = m + y, column = n + x - lane() / 4 + k * 2;
    const auto within = [&](int i) { return min(row + 8 * i, p.rows - 1); };
    const auto at = [&](int j) { return column + 8 * j < p.columns ? column + 8 * j : 0; };
#pragma unroll
    for (int j = 0; j < ACROSS; j++) {
        const float2 bias = KIND == LINEAR ? load_two(p.bias + at(j)) : make_float2(0, 0);
#pragma unroll
        for (int i = 0; i < 2 * DOWN; i++) sum[i / 2][j][i % 2 * 2] = bias.x, sum[i / 2][j][i % 2 * 2 + 1] = bias.y;
    }
    const auto join = [&](const Rows& other, auto with) {
#pragma unroll
        for (int i = 0; i < 2 * DOWN; i++) {
            const float* from = other(within(i));
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                const float2 two = load_two(from + at(j));
                with(sum[i / 2][j][i % 2 * 2], two.x);
                with(sum[i / 2][j][i % 2 * 2 + 1], two.y);
            }
        }
    };
    if (p.plus.values) join(p.plus, [](float& x, float other) { x += other; });

    for (int slice = 0; slice * DEPTH < end; slice++) {
        copies_done<STAGES - 2>();
        __syncthreads();
        const float *left = lefts + slice % STAGES * Left::FLOATS, *right = rights + slice % STAGES * Right::FLOATS;
        ask(slice + STAGES - 1);
#pragma unroll
        for (int depth = 0; depth < DEPTH; depth += 8) {
            float large[ACROSS][2], small[ACROSS][2];
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    const float b = Right::get(right, x + 8 * j, depth + k + 4 * e);
                    large[j][e] = leading(b);
                    small[j][e] = b - large[j][e];
                }
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
                float top[4], rest[4];
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    const float a = Left::get(left, y + 16 * i + e % 2 * 8, depth + k + e / 2 * 4);
                    top[e] = leading(a);
                    rest[e] = a - top[e];
                }
#pragma unroll
                for (int j = 0; j < ACROSS; j++) {
                    multiply(sum[i][j], rest, large[j]);
                    multiply(sum[i][j], top, small[j]);
                    multiply(sum[i][j], top, large[j]);
                }
            }
        }
        if (KIND == GRADIENT && m == 0 && thread() < N)
#pragma unroll
            for (int depth = 0; depth < DEPTH; depth++) of_bias += Right::get(right, thread(), depth);
    }
    __syncthreads();

    if (KIND == BACK && p.times.values) join(p.times, [](float& x, float other) { x *= other; });
#pragma unroll
    for (int i = 0; i < 2 * DOWN; i++) {
        if (row + 8 * i >= p.rows) continue;
        float* to = p.out(row + 8 * i) + column;
#pragma unroll
        for (int j = 0; j < ACROSS; j++)
            if (column + 8 * j < p.columns) store_two(to + 8 * j, make_float2(sum[i / 2][j][i % 2 * 2], sum[i / 2][j][i % 2 * 2 + 1]));
    }
    if (KIND == GRADIENT && m == 0 && thread() < N && n + thread() < p.columns) {
        float* to = p.d_bias + n + thread();
        *to = p.plus.values ? *to + of_bias : of_bias;
    }
}

// A tile of a product, and a warp's part of it.
struct Shape {
    int m, n, wm, wn;
};
constexpr int SHAPES = 6;
constexpr Shape shape(int i) {
    return i == 0   ? Shape{128, 128, 64, 32}
           : i == 1 ? Shape{128, 64, 32, 32}
           : i == 2 ? Shape{64, 128, 32, 32}
           : i == 3 ? Shape{64, 64, 32, 16}
           : i == 4 ? Shape{128, 32, 32, 16}
                    : Shape{32, 128, 16, 32};
}
// What a product [m, depth] [depth, n] costs: what is multiplied, and what is read from shared memory and split.
constexpr int cost(int m, int n, Shape s) {
    return (m + s.m - 1) / s.m * ((n + s.n - 1) / s.n) * (3 * s.wm * s.wn / 16 + 4 * (s.wm + s.wn));
}
constexpr Shape best(int m, int n) {
    int at = 0;
    for (int i = 1; i < SHAPES; i++)
        if (cost(m, n, shape(i)) < cost(m, n, shape(at))) at = i;
    return shape(at);
}

// Computes a product in tiles whose size suits it; `M` and `N` are what is known of its rows and columns.
template <Kind KIND, int M, int N>
__device__ void product(const Product& p) {
    constexpr Shape s = best(M, N);
    for (int m = 0; m < p.rows; m += s.m)
        for (int n = 0; n < p.columns; n += s.n) tile<KIND, s.m, s.n, s.wm, s.wn>(p, m, n);
}
