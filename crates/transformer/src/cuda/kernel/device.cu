// What only a GPU has.

// Reads what other blocks have written before they counted it.
__device__ unsigned arrived(const unsigned* from) {
    unsigned count;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(count) : "l"(from) : "memory");
    return count;
}

// The ten leading bits of a number's fraction.
__device__ __forceinline__ float leading(float x) { return __uint_as_float(__float_as_uint(x) & 0xffffe000u); }

// A warp's product [16, 8] [8, 8] of such numbers, added to `sum`.
__device__ __forceinline__ void multiply(float (&sum)[4], const float (&a)[4], const float (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
          "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

// Memory that the threads of a block share, as much as the launch has asked for.
extern __shared__ float4 shared_memory[];
__device__ __forceinline__ float* shared() { return reinterpret_cast<float*>(shared_memory); }

// Asks for four numbers to be copied into shared memory; from nowhere come zeros.
__device__ __forceinline__ void copy_four(float* to, const float* from) {
    const unsigned at = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from ? from : to), "r"(from ? 16 : 0) : "memory");
}
// What was asked for since the last call is one lot.
__device__ __forceinline__ void copies_asked() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until no more lots than these are under way.
template <int LOTS>
__device__ __forceinline__ void copies_done() { asm volatile("cp.async.wait_group %0;" ::"n"(LOTS) : "memory"); }

// 1 / x, good to two units in the last place.
__device__ __forceinline__ float inverse(float x) { return __fdividef(1, x); }
