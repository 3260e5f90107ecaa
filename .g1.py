import sys, torch, math, time
sys.path[:0]=['.','examples']
import helion
from attention import attention
from triton.testing import do_bench
import torch.nn.functional as F
def t(f): return do_bench(f, warmup=50, rep=200, return_mode='median')
for shape in ((4,32,4096,128),(16,16,1024,64)):
  for causal in (False,True):
    torch.manual_seed(0)
    q,k,v=[torch.randn(shape,device='cuda',dtype=torch.bfloat16) for _ in range(3)]
    from torch.nn.attention import sdpa_kernel, SDPBackend
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        ref=lambda: F.scaled_dot_product_attention(q,k,v,is_causal=causal)
        base=t(ref); want=ref()
    b=attention.bind((q,k,v,causal))._implementation.specialized
    starts=b.space.starts[:10]
    base2=b.space
    print(shape,causal,'cudnn %.1f'%(base*1e3),flush=True)
    orders=[{}, {'loop_orders[grid]':(1,0),'l2_groupings[grid]':1}]
    seen=set()
    for p in starts:
      if not p['range_warp_specializes[tile_n]']: continue
      for o in orders:
        p2=b.space.space.point({**p,**o})
        c=b.space.config(p2)
        if c in seen: continue
        seen.add(c)
        try:
            kern=helion.kernel(attention.fn,config=c)
            got=kern(q,k,v,causal)[0]
            err=(got.float()-want.float()).abs().max().item()
            ms=t(lambda: kern(q,k,v,causal))
            print('  %.1f us %.3f of cudnn err %.4f'%(ms*1e3, base/ms, err), dict(c).get('block_sizes'),c['num_warps'],c['num_stages'],c.get('pid_type'),o,flush=True)
        except Exception as e: print('  failed',type(e).__name__,str(e)[-300:],dict(c),flush=True)
