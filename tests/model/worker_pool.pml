/* The protocol of a worker pool (spider/worker_pool.hpp), for the model checker Spin.

   Claimants claim and release, and may die between any two steps. Sweepers bring home what is stranded,
   may die too, and suspect claimants that are alive. One worker leaves. Each atomic block is one step of
   the implementation: what it does under one record's lock.

   Checked in every reachable state:
     W2/I5  a worker is never taken from a claimant that holds it and is not suspected;
     W4     a release that is accepted is that of the holder;
     W6     no worker is in the index twice;
     I5     epochs only grow.
   Checked at the end, after one sweep in which nobody dies:
     W3/I7  every worker is idle and in the index, or gone for good.

   Variants that the checker must refute, each a step left out:
     DROP_CAS    a claim takes what it popped without a look at the record
     DROP_EPOCH  a release looks at the state only
     DROP_GUARD  a return puts a worker into the index that is in it already
     DROP_SWEEP  the sweeper leaves a worker alone that is idle and not in the index */

#define WORKERS 2
#define CLAIMANTS 2
#define CLAIMS 2     /* of each claimant */
#define SWEEPS 2     /* looks at a worker, by each sweeper */
#define SUSPICIONS 1 /* of claimants that are alive */
#define DEATHS 2
#define NOBODY 255

mtype = { idle, claimed, returning, dead, gone };

mtype state[WORKERS];
byte epoch[WORKERS];
byte indexed[WORKERS];
byte holder[WORKERS]; /* who may use it, as an observer of everything sees it */
bool lapsed[WORKERS]; /* the holder has died */
byte suspicions = SUSPICIONS;
byte deaths = DEATHS;
bool no_deaths = false; /* in the last sweep */

#define is_free(w) (state[w] == idle || state[w] == returning)

inline may_die() {
  if
  :: atomic { !no_deaths && deaths > 0 -> deaths--; goto died }
  :: true
  fi
}

/* The two steps that follow "free, not returned". */
inline bring_home(w, e) {
  atomic {
    if
    :: is_free(w) && epoch[w] == e ->
#ifdef DROP_GUARD
       indexed[w]++;
#else
       if :: indexed[w] == 0 -> indexed[w] = 1 :: else fi;
#endif
       assert(indexed[w] <= 1)
    :: else -> goto home
    fi
  }
  may_die();
  atomic { if :: state[w] == returning && epoch[w] == e -> state[w] = idle :: else fi }
home: skip
}

proctype claimant(byte me) {
  byte w, e, n;
  bool got;
  do
  :: n == CLAIMS -> break
  :: n < CLAIMS ->
     n++; got = false; w = 0; e = 0; /* what is over is forgotten: fewer states */
     /* Pops a hint, whichever. */
     atomic {
       if
       :: indexed[0] > 0 -> w = 0; indexed[0]--; got = true
       :: indexed[1] > 0 -> w = 1; indexed[1]--; got = true
       :: indexed[0] == 0 && indexed[1] == 0
       fi
     }
     if
     :: !got -> skip
     :: got ->
        may_die();
        atomic {
          if
#ifdef DROP_CAS
          :: state[w] != gone ->
#else
          :: is_free(w) ->
#endif
             assert(holder[w] == NOBODY);
             state[w] = claimed; epoch[w]++; e = epoch[w];
             holder[w] = me; lapsed[w] = false
          :: else -> got = false /* the hint lied */
          fi
        }
        if
        :: !got -> skip
        :: got ->
           if
           :: atomic { deaths > 0 -> deaths--; if :: holder[w] == me && epoch[w] == e -> lapsed[w] = true :: else fi; goto died }
           :: true
           fi;
           atomic {
             if
#ifdef DROP_EPOCH
             :: state[w] == claimed || state[w] == dead ->
#else
             :: (state[w] == claimed || state[w] == dead) && epoch[w] == e ->
#endif
                assert(holder[w] == me && epoch[w] == e);
                holder[w] = NOBODY;
                if :: state[w] == dead -> state[w] = gone; got = false :: else -> state[w] = returning fi
             :: else -> got = false /* stale */
             fi
           }
           if
           :: !got -> skip
           :: got -> may_die(); bring_home(w, e)
           fi
        fi
     fi
  od;
died: skip
}

inline take_back(w, e, found) {
  found = false;
  atomic {
    if
    :: (state[w] == claimed || state[w] == dead) && (lapsed[w] || (!no_deaths && suspicions > 0)) ->
       if :: lapsed[w] :: !lapsed[w] -> suspicions-- fi;
       holder[w] = NOBODY; lapsed[w] = false;
       if
       :: state[w] == claimed -> epoch[w]++; state[w] = returning; e = epoch[w]; found = true
       :: state[w] == dead -> state[w] = gone
       fi
    :: state[w] == returning -> e = epoch[w]; found = true
#ifndef DROP_SWEEP
    :: state[w] == idle && indexed[w] == 0 -> e = epoch[w]; found = true
#endif
    :: else
    fi
  }
}

proctype sweeper() {
  byte w, e, n;
  bool found;
  do
  :: n == SWEEPS -> break
  :: n < SWEEPS ->
     n++; e = 0;
     if :: w = 0 :: w = 1 fi;
     take_back(w, e, found);
     if
     :: found -> may_die(); bring_home(w, e)
     :: else
     fi
  od;
died: skip
}

/* One worker leaves, whatever it is doing: its hint is taken out with it. */
proctype leaver() {
  atomic {
    if
    :: is_free(0) -> state[0] = gone; indexed[0] = 0
    :: state[0] == claimed -> state[0] = dead
    fi
  }
}

init {
  byte w, e;
  bool found;
  atomic {
    w = 0;
    do
    :: w < WORKERS -> state[w] = idle; indexed[w] = 1; holder[w] = NOBODY; w++
    :: else -> break
    od;
    run claimant(1);
    run claimant(2);
    run sweeper();
    run leaver()
  }
  _nr_pr == 1;
  no_deaths = true;
  w = 0;
  do
  :: w < WORKERS ->
     take_back(w, e, found);
     if :: found -> bring_home(w, e) :: else fi;
     assert((state[w] == idle && indexed[w] == 1) || state[w] == gone);
     w++
  :: else -> break
  od;
died: skip
}
