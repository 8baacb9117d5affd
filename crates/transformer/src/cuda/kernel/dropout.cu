// Which elements an update leaves out: the same function of where they stand as that of the processor (engine/dropout.rs).

// Where elements are left out.
enum Site { EMBEDDINGS = 0, ATTENTION_OUT = 1, MLP_OUT = 2 };

// The stream of an update of one model.
struct Dropout {
    unsigned long long seed, step;
};

// What tells the vector at each position of the tile from all others.
__shared__ unsigned keys[TOKENS];

// SplitMix64.
__device__ __forceinline__ unsigned long long mix(unsigned long long x) {
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

// Makes the keys of a site of a layer; `row` is that of the tile's first sequence in the batch.
__device__ void make_keys(Dropout dropout, Site site, int layer, int row, int tokens) {
    __syncthreads();
    for (int t = thread(); t < tokens; t += THREADS) {
        const unsigned long long words[4] = {dropout.step, site == EMBEDDINGS ? 0ull : 2ull * layer + site,
                                             (unsigned long long)(row + t / POSITIONS), (unsigned long long)(t % POSITIONS)};
        unsigned long long key = dropout.seed;
        for (int i = 0; i < 4; i++) key = mix(key ^ words[i]);
        keys[t] = key >> 32;
    }
    __syncthreads();
}

// A multiple of the golden ratio, finished by Wellons' hash of 32 bits with the least bias.
__device__ __forceinline__ float factor(unsigned key, unsigned column) {
    unsigned x = key + column * 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x21f0aaadu;
    x = (x ^ (x >> 15)) * 0x735a2d97u;
    return (x ^ (x >> 15)) < LEFT_OUT ? 0 : DROPOUT_SCALE;
}
__device__ __forceinline__ float4 factors(unsigned key, unsigned column) {
    return make_float4(factor(key, column), factor(key, column + 1), factor(key, column + 2), factor(key, column + 3));
}
