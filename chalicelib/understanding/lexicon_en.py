"""The English words of feeling and cues, one comma-separated text a kind; ``lexicon`` joins them with the Chinese ones.

Hand-written: how people praise and complain, in whatever branch. The matcher finds an entry with s, es, d, ed, ing and
ly at its end, so that "goods", "lately" and "issued me" need entries of their own, which say nothing.
"""

from __future__ import annotations

from typing import Final

STRONG_GOOD: Final = """
excellent, perfect, amazing, awesome, fantastic, wonderful, outstanding, superb, brilliant, love, loved, flawless,
impressed, delighted, couldn't be better, could not be better, couldn't be happier, could not be happier, best,
finest, greatest, terrific, fabulous, phenomenal, exceptional, incredible, spectacular, stellar, magnificent,
marvelous, marvellous, stunning, gorgeous, heavenly, exquisite, to die for, unbeatable, world class, world-class, top
notch, top-notch, first rate, first-rate, second to none, above and beyond, went out of their way, goes out of their
way, exceeded my expectations, exceeded our expectations, exceeded expectations, exceeds expectations, thrilled,
impressive, kudos, shout out, shoutout, shout-out, hats off, bravo, props to, five stars, 5 stars, ten out of ten,
10/10, can't say enough, cannot say enough, can't thank you enough, cannot thank you enough, can't recommend enough,
cannot recommend enough, can't praise, cannot praise, couldn't ask for, could not ask for, can't ask for more, can't
ask for better, can't be beat, can't beat, cannot beat, can't get enough, can't be better, can't get any better,
cannot be better, saved my day, saved the day, made my day, can't live without, cannot live without,
can not live without, won't hesitate, will not hesitate, life saver, lifesaver, you rock, you guys rock, rocks,
must try, must-try, blown away, blew me away, never been happier, never had better, a must, must-have, best ever,
rocked, five star, splendid, sublime, superbly, five-star, extraordinary, unparalleled, unmatched, unrivaled, best of,
fabulously, mind blowing, mind-blowing, out of this world
"""

GOOD: Final = """
good, great, nice, fine, happy, satisfied, satisfying, recommend, fast, quick, quickly, prompt, promptly, polite,
friendly, helpful, kind, patient, professional, easy, smooth, comfortable, reliable, cheap, affordable, worth, clean,
fresh, delicious, tasty, beautiful, sturdy, durable, pleased, enjoy, enjoyed, like it, liked, like the, convenient,
responsive, intact, timely, efficient, genuine, authentic, solid, courteous, resolved, on time, no problem, no
problems, no issue, no issues, no complaints, as described, works well, worked well, works great, well packed, well
made, fits well, value for money, appreciate, appreciated, grateful, thankful, glad, excited, yay, woohoo, hooray,
fun, joy, pleasure, pleasant, pleasing, lovely, charming, cozy, cosy, comfy, welcoming, attentive, accommodating,
gracious, generous, caring, thoughtful, considerate, knowledgeable, competent, respectful, honest, reasonable,
reasonably, inexpensive, bargain, a steal, well worth, worth every penny, worth it, worth the wait, speedy, swift,
snappy, lightning, seamless, effortless, hassle free, hassle-free, stress free, stress-free, painless, without a
hitch, without any issues, without any problems, without problems, without issues, intuitive, user friendly,
user-friendly, easier, easily, simple, lightweight, portable, compact, sleek, stylish, elegant, crisp, crystal clear,
vivid, powerful, stable, quiet, roomy, spacious, spotless, tidy, yummy, mouthwatering, mouth watering, flavorful,
flavourful, tender, juicy, crispy, well cooked, scrumptious, enjoyable, impress, impresses, delight, delightful,
happier, gem, favorite, favourite, better than, much better, way better, far better, even better, so much better, feel
better, getting better, nothing better, better than ever, well done, way to go, good job, great job, nice job, nice
work, thumbs up, helped, took care of, takes care of, taken care of, taking care of, take care of, sorted it, sorted
out, solved, fixed it, fixed my, fixed the, went smoothly, goes smoothly, runs smoothly, flawlessly, will be back, be
coming back, definitely back, look forward, looking forward, big fan, huge fan, a fan of, biggest fan, keep it up, no
complaint, can't complain, cannot complain, couldn't complain, nothing to complain, no regrets, won't regret, will not
regret, not regret, can't go wrong, cannot go wrong, hard to beat, hard to fault, can't fault, cannot fault, without
fail, never fails, never fail, never failed, never disappoints, never disappoint, never disappointed, never let me
down, never lets me down, won't be disappointed, will not be disappointed, not be sorry, won't be sorry, wouldn't
hesitate, would not hesitate, wouldn't trade, no wait, no waiting, no hassle, no fuss, no line, no lines, no hidden
fees, no worries, no trouble, no drawbacks, welcome surprise, pleasant surprise, pleasantly surprised, nicely
surprised, as advertised, as promised, as expected, as pictured, just what i needed, just what i wanted, works like a
charm, like new, a blast, good time, great time, a treat, a winner, a joy, so pretty, very pretty, looks pretty,
really pretty, smiling, with a smile, hospitable, hospitality, cheerful, gentle, heartfelt, refunded me, refunded
immediately, early arrival, arrived early, landed early, ahead of time, ahead of schedule, in no time, sincere,
trustworthy, dependable, superior, well organized, well organised, organized, organised, well designed, well built,
well thought, clever, innovative, plenty of, variety of, wide selection, large selection, great selection, inviting,
romantic, relaxing, relaxed, classy, tysm, many thanks, much obliged, congrats, congratulations, well deserved,
thankyou, greatservice, greatcustomerservice, greatjob, happycustomer, lovethem, xoxo, so cool, very cool, pretty
cool, really cool, super cool, perfection, well worth it, thanks a million, thanks so much, thank you so much, thanks
again, couldn't be easier, could not be easier, easy to use, a pleasure, very well, extremely well, really well, so
well, runs great, looks great, no bugs, no crashes, cleverly, wins, thoroughly enjoyed, no drama, reassuring,
cooperative, heaven, beats the, upgraded me, upgraded us, thankfully, gratitude, awesomeness, delicately, savory,
savoury, satisfactory, without difficulty, high quality, high-quality, good quality, top quality, well-made,
well-built, cooked to perfection, generous portions, huge portions, full of flavor, full of flavour, refreshing,
refreshed, satisfy, satisfies, good condition, immaculate, pristine, mint condition, cute, adorable, attractive,
ergonomic, versatile, handy, useful, robust, rugged, long lasting, long-lasting, lasts long, lasts a long time, price
is right, can't argue with, economical, money well spent, saves me, saved me, a breeze, no brainer, no-brainer,
straightforward, angel, hero, compassion, compassionate, empathy, empathetic, sympathetic, proactive, diligent,
dedicated, treated me well, treated us well, like family, like royalty, feel at home, warm welcome, homey, must visit,
go back again, addicted, obsessed, hooked, fave, faves, favorites, go-to, luv, loving, adore, adored, woot, yippee,
hurray, blessed, lucky, relieved, proud, success, successful, successfully, rockstar, rock star, game changer,
game-changer, much improved, big improvement, huge improvement, improving, on point, spot on, nailed it, slick, a+,
a++, highly rated, is a must, variety, melt in your mouth, fluffy, succulent, delectable, flavorsome, wholesome,
hearty, lively, vibrant, trendy, picturesque, breathtaking, memorable, unforgettable, hilarious, witty, well worth
the, worth the price, worth the money, worth every, worth a visit, worth a try, worth checking, worthwhile, effective,
effectively, works perfectly, works fine, zippy, blazing, no lag, no issues at all, rock solid, rock-solid, quality
product, top of the line, high end, high-end, state of the art, ideal, graciously, warmly, treasure, pleasantly, the
extra mile, very understanding, so understanding, fortunately, thanks for your help, thanks for all, thank you for
all, thank you for your help, thanks for being, thank you for being, thanks for the great, thanks for the quick, thank
you for the quick, thanks for making, thanks for getting, thanks for helping, thanks for taking care, can't wait!,
cannot wait!, can't do enough, couldn't do enough, could not do enough, can't get better than, can't get any better
than, doesn't get better than, does not get better than, doesn't get any better, does not get any better, not find a
better, not find better, can't find a better, can't find better, can't get better, caught the fraud, caught fraud,
stopped the fraud, insane value, spoiled us, felt spoiled, not want to leave, didn't want to leave, never want to
leave, never wanted to leave, don't want to leave, not want to go home, didn't want to go home, not change a thing,
wouldn't change a thing, not change anything, wouldn't change anything, in tears of joy, flooded with light, flooded
with sunlight
"""

# Manners: they praise only faintly.
COURTESIES: Final = """
thanks, thank you, thx, thank u, thanx, cheers
"""

# They ask, and complain only faintly.
HINTS: Final = """
where is my, where's my, where are my, where is our, where are our, why is, why are, why do i, why do we, why does,
why has, why did, why am i, why was, why were, how come, what happened to, penalty, dispute
"""

BAD: Final = """
bad, poor, slow, slowly, late, delayed, delay, broken, damaged, damage, cracked, torn, rude, terrible, dirty, noisy,
expensive, overpriced, disappointed, disappointing, disappointment, annoying, annoyed, frustrated, frustrating,
useless, fake, wrong, missing, lost, leaking, leaked, unhelpful, unfriendly, unresponsive, ignored, ignore, refused,
refuse, complain, complaint, difficult, confusing, hard to, crash, crashes, crashed, crashing, freezes, frozen, buggy,
kept dropping, keeps dropping, kept disconnecting, keeps disconnecting, kept cutting out, keeps cutting out, logs me
out, logged me out, kicks me out, kicked me out,
bug, fail, failed, failure, error, problem, issue, defective, faulty, stale, went cold, arrived cold, stuck, waited,
unacceptable, unprofessional, misleading, unfair, mediocre, lousy, dislike, ripped, scratched, smelly, stinks, never
arrived, not arrived, hasn't arrived, not working, does not work, did not work, doesn't work, didn't work, stopped
working, no response, no reply, nobody answers, nobody answered, not again, could be better, not great, not good, not
happy, not worth, unhappy, dissatisfied, worse, worsen, disappoint, let down, let me down, lets me down, letdown,
let-down, underwhelming, underwhelmed, overrated, subpar, sub-par, sub par, below par, below average, so-so, meh,
nothing special, unimpressed, unimpressive, unsatisfactory, unsatisfied, unsatisfying, inadequate, insufficient,
inferior, mistake, regret, inconvenience, inconvenient, irritating, irritated, irritation, annoyance, frustration,
frustrate, upset, upsetting, angry, pissed, fed up, sick of, tired of, sad, sadly, unfortunate, unfortunately, ugh,
argh, smh, wtf, sigh, shame, shameful, a joke, joke of, laughable, ridiculous, absurd, insane, insulting, insult,
disrespect, disrespectful, nasty, hostile, arrogant, condescending, dismissive, careless, lazy, incompetent,
incompetence, clueless, inept, inexcusable, crap, crappy, sucks, suck, sucked, sucky, bullshit, shit, shitty, mess,
messed, fiasco, debacle, disaster, a pain, painful, headache, hassle, struggle, struggling, ordeal, a waste, waste of,
wasted, wasting, ruin, ruined, ruining, chaos, chaotic, screwed, screw up, stranded, left behind, left waiting,
abandoned, cancelled, canceled, cancelling, canceling, cancellation, cancelation, overbooked, oversold, bumped from,
missed my, missed our, missed the, mishandled, misplaced, misinformed, misled, lied, liar, liars, lying to, cheated,
deceptive, deceived, dishonest, shady, sketchy, false advertising, bait and switch, unreliable, inconsistent, unsafe,
dangerous, unsanitary, unhygienic, filthy, gross, moldy, mouldy, rotten, soggy, greasy, bland, tasteless, flavorless,
flavourless, overcooked, undercooked, burnt, inedible, rubbery, watery, salty, cramped, crowded, uncomfortable,
outdated, flimsy, cheaply, cheap quality, cheap plastic, feels cheap, looks cheap, felt cheap, junk, junky, bulky,
overheats, overheat, overheating, laggy, lag, lags, lagging, sluggish, glitch, glitchy, glitches, malfunction, died,
dead, dies, broke, breaking down, broke down, fell apart, fall apart, falls apart, falling apart, fell off, falls off,
quit working, stops working, never worked, never works, no longer works, not work, isn't working, wasn't working,
won't turn on, won't start, won't charge, won't load, won't open, blue screen, unusable, worthless, pointless, beware,
warned, be warned, don't bother, do not bother, not bother, don't waste, do not waste, save your money, save your
time, do not buy, don't buy, stay away, steer clear, returned it, returning it, sent it back, sending it back, send it
back, had to return, had to replace, downside, drawback, shortcoming, lack, lacks, lacking, lacked, lack of, needs
improvement, needs work, room for improvement, at best, inaccurate, incorrect, incorrectly, unclear, confused,
confusion, complicated, impossible, denied, rejected, excuse, excuses, blame, runaround, run around, run-around,
passed around, back and forth, hung up, hang up, hanging up, hangs up, disconnected, on hold, on-hold, busy signal,
voicemail, voice mail, unanswered, no answer, no answers, no one answers, no one answered, nobody picks up, no one
picks up, never answered, never answer, never replied, never responded, never called, never called back, never got a,
never received, never came, never showed, never heard back, never fixed, not answering, not responding, haven't heard,
have not heard, haven't received, have not received, hasn't shown, didn't show, did not show, won't respond, won't
reply, won't answer, still waiting, still no, still not, still haven't, still hasn't, still don't, still can't, still
have not, still has not, still missing, still broken, been waiting, have been waiting, waiting for, waiting on,
waiting over, kept waiting, keep waiting, had to wait, have to wait, having to wait, made us wait, made me wait, made
to wait, forced to, long wait, wait time, wait times, long line, long lines, long queue, waited for, hours later,
hours late, hours of waiting, overdue, past due, no help, zero help, no support, no service, no communication, no
update, no updates, no explanation, no apology, no apologies, no excuse, no sense, no information, no info, no
warning, no notice, no record, no customer service, no refund, no option, no options, no way to, no luck, no staff, no
agents, no seats, no food, no water, no heat, no hot water, no internet, no wifi, no wi-fi, no sign of, no
compensation, no accountability, no respect, no-show, no follow up, no one knows, no one cares, nobody cares, nobody
knows, no one can help, no one to help, no one there, don't care, doesn't care, do not care, does not care, didn't
care, could care less, couldn't care less, not acceptable, not impressed, not cool, not ok, not okay, not fair, not
right, not helpful, not pleased, not recommend, don't like, didn't like, doesn't like, do not like, did not like,
don't recommend, want a refund, want my money, want my refund, give me my money, money back, need my money, reimburse,
overcharged, overcharge, double charged, charged twice, charged me, hidden fee, hidden fees, rip off, ripoff, rip-off,
stole, stolen, theft, thief, thieves, scammed, scammers, scammer, fraud, fraudulent, robbed, robbery, extort, gouging,
where the hell, what the hell, why can't, why won't, why don't, why doesn't, why didn't, why isn't, why wasn't, why
hasn't, why haven't, how hard is it, how difficult is it, how is it possible, what is wrong with, what's wrong with,
what is going on, what's going on, when will you, are you kidding, you kidding me, kidding me, are you serious, beyond
belief, get it together, get your act together, step it up, step up your, do better, be better, need to improve, must
improve, deserve better, deserves better, used to be good, used to be great, used to be better, expected better,
expected more, expect better, would have been nice, would've been nice, would have been better, should have been,
should've been, should not have, shouldn't have to, should not be, shouldn't be, went downhill, gone downhill, going
downhill, declined, went wrong, goes wrong, going wrong, gone wrong, something wrong, wrong with, bad luck, good luck
with, good luck getting, good grief, too good to be true, former customer, ex customer, ex-customer, lost a customer,
lost my business, losing a customer, losing customers, losing my, losing our, lose my, loses, take my business, taking
my business, go elsewhere, going elsewhere, went elsewhere, looking elsewhere, last straw, won't be back, will not be
back, not be back, won't be returning, won't return, never return, not return, not be returning, won't be flying,
won't be using, not coming back, epicfail, badservice, poorservice, terribleservice, horribleservice,
badcustomerservice, poorcustomerservice, customerservicefail, notcool, nothappy, nothanks, dobetter, thumbs down, one
star, 1 star, 2 stars, zero stars, i demand, it breaks, breaks down, no thanks, unable to, so loud, tiny portion,
small portion, full of lies, all lies, no clue, couldn't even, can't even, don't even, doesn't even, not even, didn't
even, won't even, never even, miserable, dismal, dreadfully, disheartening, unjustified, unprepared, disorganized,
disorganised, unorganized, understaffed, short staffed, inflexible, unsupported, unresolved, unhelpfully, tacky, run
down, run-down, rundown, worn out, shabby, dingy, stained, pricey, price gouging, costly, sloppy, poorly, badly,
bummer, bummed, dread, scary, scared, worrying, nervous, crying, in tears, exhausted, exhausting, tedious, clunky,
cumbersome, awkward, hard time, hard-to, not responsive, can't you, couldn't you, breaks easily, scratches easily,
stains easily, fix this, fix your, please fix, needs fixing, get this fixed, get this resolved, get it fixed, get it
resolved, need this resolved, need this fixed, needs to be resolved, needs to be fixed, need to fix, needs to fix,
please stop, stop lying, how many times, how many more, what kind of service, what kind of company, what kind of
business, is this how you, this is how you, so this is how, really?, seriously?, srsly, really??, crummy, shoddy,
dull, boring, bored, tiresome, ugly, hideous, lame, weird, suspicious, unpleasant, unbearable, intolerable,
unwelcoming, inattentive, unattentive, neglect, neglected, oblivious, indifferent, indifference, apathetic, snobby,
snooty, pretentious, stuck up, curt, impolite, yelled, yelling, screamed, screaming, shouted, scolded, argued, laughed
at, mocked, humiliated, embarrassed, embarrassing, embarrassment, harassed, harassment, threatened, discriminated,
discrimination, racist, abusive, pushy, stingy, greedy, unethical, illegal, negligent, negligence, reckless, foul,
stench, odor, odour, reeks, reeked, roach, roaches, cockroach, leak, leaks, leaky, flicker, flickers, flickering,
blurry, grainy, pixelated, dead pixel, heats up, gets hot, gets very hot, gets really hot, gets so hot, hot to the
touch, burned my, incompatible, not compatible, obsolete, bloatware, bloated, unstable, froze, freeze, freezing, shuts
down, shut down, shutting down, won't boot, corrupted, corrupt, dent, dented, chipped, peeling, snapped, shrunk,
faded, itchy, runs small, out of stock, sold out, unavailable, not available, out of order, out of service, went down,
was down, mix up, mixed up, mix-up, over priced, over-priced, unauthorized, unauthorised, without my permission,
without my consent, hidden charge, hidden charges, locked out, suspended, spam, force me, forcing, over and over, yet
again, hours now, days now, weeks now, months now, to no avail, gave up, give up, giving up, refusing, been trying,
had to pay, had to call, had to ask, had to buy, have to call, only to find, only to be, so much for, nice try, yikes,
boo, booo, grr, grrr, damn, dammit, wth, yuck, yucky, eww, icky, idiot, idiots, stupid, stupidity, dumb, moron,
morons, nonsense, bogus, dud, flop, gimmick, gimmicky, slowest, rudest, poorest, unnecessary, how dare, how dare you,
shame on, 0 stars, no stars, will ever buy, will ever purchase, will ever use, will ever fly, ever fly with, no room,
should be compensated, unhappily, displeased, displeasure, dismayed, dismay, baffled, baffling, offended, offensive,
inappropriate, unwilling, unorganised, mishap, hiccup, setback, grievance, violated, misses, mislabeled, mismatched,
mistreated, mistreatment, poor quality, low quality, low-quality, second rate, second-rate, half baked, half-baked,
not as described, not as advertised, not as expected, not as pictured, knockoff, knock-off, counterfeit, flaw, flaws,
flawed, fraying, wobbly, rattles, creaks, uneven, crooked, skimpy, measly, puny, stingy with, steep, extortionate,
exorbitant, rushed us, rushed through, hovering, slammed, left out, forgot, forgotten, forgets, unprepared for, don't
give a damn, doesn't give a damn, could give a damn, regretted, sitting on the tarmac, sitting on the runway, sitting
on the plane, sat on the tarmac, sat on the runway, sat on the plane, left me hanging, left us hanging, left me
without, left us without, left me with no, left us with no, left me sitting, left us sitting, left us in the dark,
left me in the dark, left me on hold, left us to fend, system is down, systems are down, website is down, site is
down, app is down, server is down, servers are down, phones are down, computers are down, internet is down, wifi is
down, wi-fi is down, network is down, page is down, lines are down, was overlooked, were overlooked, been overlooked,
sticky floor, sticky floors, sticky table, sticky tables, sticky carpet, was sticky, were sticky, felt sticky, feels
sticky, food was spoiled, meat was spoiled, milk was spoiled, fruit was spoiled, spoiled food, spoiled meat, spoiled
milk, spoiled my, spoiled our, spoiled the, was flooded, got flooded, room flooded, bathroom flooded, toilet flooded,
was supposed to, were supposed to, was suppose to, were suppose to, am i supposed to, are we supposed to, threw my,
threw our, threw us, stain on, stains on, stains all over, stains everywhere, had stains, has stains, full of stains,
covered in stains, couldn't be worse, could not be worse, couldn't have been worse, could not have been worse, can't
be worse, can't get worse, cannot get worse, can't get any worse, supposed to take off, supposed to leave, supposed to
arrive, supposed to depart, supposed to board, supposed to land, suppose to leave, suppose to arrive
"""

STRONG_BAD: Final = """
worst, horrible, awful, disgusting, garbage, rubbish, trash, scam, nightmare, furious, outrageous, hate, hated,
pathetic, avoid, atrocious, abysmal, appalling, dreadful, horrendous, horrific, horribly, terribly, disgrace,
disgraceful, despicable, hell, from hell, hellish, livid, outraged, outrage, inhumane, a total joke, complete joke,
absolute joke, total waste, complete waste, waste of money, waste of time, waste your money, waste your time, waste my
time, never again, neveragain, never ever again, worstservice, worstcustomerservice, worst ever, epic fail, piece of
crap, piece of junk, piece of garbage, piece of shit, stay far away, run away, ruined my, ruined our, thanks for
nothing, thank you for nothing, thx for nothing, criminals, horrid, wretched, appalled, vile, revolting, repulsive,
putrid, fuck, fucked, fucking, train wreck, hot mess, con artists, complete mess, total mess, disgusted, criminal
"""

NEUTRAL: Final = """
as well as, well known, looks like, feels like, feel like, would like, hard disk, hard drive, hard shell, error code,
cold drink, good morning, good afternoon, fine print, issue date, fast food, kind of, no idea, kinds, what kind, any
kind, some kind, this kind, that kind, every kind, kindly, kind regards, patients, goods, goodbye, good bye, good
evening, good night, good day, good luck, good thing, good lord, good friend, good friends, lately, late night, late
checkout, late check out, late check-out, late checkin, late check-in, late afternoon, late evening, late lunch, late
dinner, late breakfast, fined, fast forward, quick question, quick look, prompted, prompting, prompts, cleaning, lost
and found, lost & found, issued, issuing, issues a, issue a, issue me, issue us, frozen yogurt, frozen food, frozen
foods, frozen drink, frozen margarita, frozen dessert, to avoid, hate to, hates to, bug spray, best buy, best western,
best regards, best wishes, best friend, best friends, do your best, my best to, best man, second best, love to, would
love, i'd love, we'd love, true love, i'd like, we'd like, i'd appreciate, would appreciate, we'd appreciate, would be
appreciated, be appreciated, appreciate it if, appreciate a response, appreciate a reply, appreciate some, appreciate
any, appreciate your help, would recommend that you, better get, better be, had better, better off, you better, you'd
better, better yet, for the better, not only, not just, not to mention, not sure, no doubt, without doubt, without a
doubt, no wonder, no matter, nothing but, nonetheless, none the less, why not, whether or not, if not, not yet, never
mind, nevermind, no need, not a big deal, no big deal, don't know, do not know, don't worry, didn't know, don't mind,
wouldn't mind, can't help but, cannot help but, can't stop, couldn't help, cannot stop, don't get me wrong, don't
think twice, don't miss, why don't you, if you don't, not necessarily, not a problem, not an issue, no later than, no
more than, no less than, be resolved, be fixed, excuse me, wait staff, waitstaff, waited on, wait list, waitlist, dead
on, demand for, in demand, on demand, no one else, nobody else, like nobody, no other place, like no other, no other,
come on in, come on over, come on down, crash course, hell of, heck of, one of a kind, crazy good, insanely good, loud
and clear, worst case, at the worst, fun fact, clean up, cleaned up, simply, cheers to, happy to help, happy hour,
happy birthday, happy new year, happy holidays, nice to know, fair enough, thank god, thank goodness, on time
performance, broken english, lost in translation, sad to leave, sad to go, too bad, honestly, to be honest, let's be
honest, solid state, fine dining, junk food, junk mail, on the rocks, cancellation policy, cancellation fee, free
cancellation, money-back, money back guarantee, can't believe, cannot believe, couldn't believe, what is the best,
best way, best time, best price, best option, better way, not really sure, i'm not sure, medium well, to worry about,
no worse, worry about, worry free, don't cry, dead center, dead zone, lies in, never before, never thought, isn't it,
wasn't it, aren't they, doesn't matter, doesn't it, won't you, not a fan, can't tell you, cannot tell you, not until,
not because, not the only, not that it, not like, barely noticeable, not the issue, not the problem, not the point,
don't you worry, never expected, never knew, nothing else, didn't expect, did not expect, not the worst, wasn't the
worst, is not to, damn good, fucking good, fucking great, fucking awesome, fucking amazing, funny how, success rate,
threw in, good to go, not even funny, until late, till late, open late, don't forget, do not forget, dead weight,
can't wait, cannot wait, angeles, dulles, fund, funds, funded, funding, tenders, chicken tender, tender offer, crisps,
fasting, fasted, the ruins, roman ruins, ancient ruins, mayan ruins, ruins of, fines, a fine to, pay a fine, steeped,
ideally, ideals, superiors, professionals, portables, gross income, gross salary, gross pay, gross amount, arrived
exhausted, burnt ends, dead sea, stained glass, fraud protection, fraud department, fraud team, fraud alert, fraud
prevention, fraud detection, was flooded with, what it was supposed to, what it is supposed to, as it was supposed to,
why didn't i, not want to leave a, didn't want to leave a, don't want to leave a, zippys, happys, zippy's, happy's
"""

STRONGER: Final = """
very, so, too, extremely, really, super, absolutely, totally, incredibly, never had such, never been so, never seen
such, such, such a, such an, truly, highly, completely, greatly, deeply, utterly, beyond, exceptionally, insanely, the
most, most, ever so, by far the, couldn't be more, could not be more, can't be more, cannot be more, couldn't have
been more, could not have been more, seriously, ridiculously, unbelievably, genuinely, especially, surprisingly
"""

WEAKER: Final = """
a bit, a little, slightly, somewhat, kinda, a tad, fairly, sort of, sorta
"""

NEGATORS: Final = """
not, no, never, none, nothing, hardly, without, isn't, wasn't, aren't, weren't, don't, doesn't, didn't, can't, cannot,
couldn't, won't, wouldn't, nor, far from, haven't, hasn't, hadn't, shouldn't, ain't, neither, nobody, no one, noone,
barely, rarely, seldom, isnt, wasnt, arent, werent, dont, doesnt, didnt, cant, couldnt, wont, wouldnt, havent, hasnt,
hadnt, aint, can not, anything but, less than, zero, no longer, never had, never seen, never been, not had, haven't
been, haven't had, haven't tried, don't have, do not have, don't think, didn't think, don't let, don't want to, don't
need, do not need, don't have to, do not have to, didn't have to, did not have to, won't have to, can't imagine, never
tried, hadn't been, can't say, cannot say, couldn't say, wouldn't say, would not say, cannot imagine, is'nt, does'nt,
did'nt, do'nt, not a single, not one single
"""

# Said of a verb they tell that something did not happen that should have, and speak faintly for bad where they find no
# word of feeling to turn: "nobody showed up", "I can't log in". "Never" tells too little.
STANDING: Final = """
isn't, wasn't, aren't, weren't, don't, doesn't, didn't, can't, cannot, couldn't, won't, wouldn't, haven't, hasn't,
hadn't, isnt, wasnt, arent, werent, dont, doesnt, didnt, cant, couldnt, wont, wouldnt, havent, hasnt, hadnt, aint,
ain't, can not, nobody, no one, noone, not, barely
"""

# Of these: what a customer who writes so cannot do, somebody has to look at ("I can't log in").
UNABLE: Final = """
can't, cannot, cant, can not, won't, wont
"""

WISHES: Final = """
hope, wish, suggest, suggestion, would be better, would be nice, would be great, please add, please improve, could you
add, should add, if only, it would help, would love to see, it'd be nice, it'd be great, would be helpful
"""

CHURN: Final = """
never again, never buy, never order, never use, never come back, never shop, uninstall, cancel my account, cancel my
membership, close my account, switching to, switch to another, take my business elsewhere, take my business, this is
the last time, was the last time, be the last time, was my last, be my last, never fly, never flying, never booking,
never book, never stay, never staying, never return, never eat, never going back, never go back, never using, never
buying, never ordering, won't be back, will not be back, won't return, not be returning, won't be returning, not
coming back, taking my business, lost a customer, lost my business, losing a customer, former customer, neveragain,
never ever again, won't be flying, won't be using, will not use, will not fly, will not buy
"""

QUESTIONS: Final = """
how do i, how can i, how long, when will, where can, what is the, is it possible, can i, could you tell, where is my,
where's my, where are my, where is our, where are our, why is, why are, why do i, why do we, why does, why has, why
did, why am i, why was, why were, how come, what happened to
"""

# What is asked is not said, where it comes first: "is there a kids menu".
ASKED: Final = """
is it, is this, are they, does it, do they, do you have, do you offer, do you take, do you accept, do you deliver,
do you sell, do you allow, is there, are there, can i, can we, could i, could we, may i, may we, should i, should we,
how do i, how do we, how can i, how can we, how to, what time, which one, how much is, how much are, how much does
"""

THANKS: Final = """
thx, thanks, thank you, many thanks, thank u, thanx, tysm
"""

IF: Final = """
if, in case, unless
"""

PAST: Final = """
used to be, previously, in the past, at first
"""

NOW: Final = """
now, this time, these days, lately, recently
"""

OTHERS: Final = """
people say, reviews say, i was told, i thought, i expected, i was worried, supposed to be
"""

RIVALS: Final = """
competitors, other shops, other stores, other sellers, elsewhere
"""

CONCEDES: Final = """
although, though, despite, apart from, except for
"""

CHEERS: Final = """
great, wonderful, brilliant, fantastic, well done, congratulations, thanks a lot, nice job, congrats, bravo, good job,
great job, nice work, great work, way to go, awesome, lovely, just great, just wonderful, just perfect, oh great, nice
one
"""

RETURNS: Final = """
buy again, order again, come back again, will be back, will return, repeat purchase, coming back, definitely be back
"""

RECOMMENDS: Final = """
recommend, recommended, highly recommend
"""

DISSUADES: Final = """
do not buy, don't buy, stay away, avoid, not recommend, wouldn't recommend, would not recommend, don't recommend,
steer clear, do not fly, don't fly, save your money, don't waste your money, do not waste your money, beware
"""

EFFORT: Final = """
again and again, several times, many times, on hold, hassle, complicated, waited, back and forth, runaround, run
around, hung up, transferred, still waiting, been waiting, multiple times
"""

EASE: Final = """
easy, easily, effortless, hassle free, convenient, seamless, straightforward, hassle-free, painless
"""

# What is too much of it is a complaint: "too loud", "way too salty".
_TOO: Final = """
small, big, long, tight, loose, short, large, narrow, wide, heavy, thin, thick, hard, hot, cold, dark, bright, loud,
noisy, salty, sweet, spicy, bland, dry, greasy, oily, sour, weak, slow, early, far, much, many, few, little, high,
low, complicated, complex, difficult, crowded, busy, pricey, expensive, lazy, tired, stiff
"""
# "They could not have been nicer": nothing is denied.
_NONE_SUCH: Final = """
couldn't be, could not be, can't be, cannot be, couldn't have been, could not have been
"""
_NICER: Final = """
nicer, better, easier, friendlier, kinder, simpler, smoother, quicker, faster, cleaner, fresher, sweeter, tastier
"""
# Who cannot wait looks forward to what follows, or has had enough.
_CANNOT_WAIT: Final = """
can't wait, cannot wait, can not wait, couldn't wait, cant wait
"""
_LOOKED_FORWARD_TO: Final = """
to, for my, for our, for the, for next
"""
_HAD_ENOUGH: Final = """
any longer, any more, anymore, much longer, no longer, another, that long, this long, forever, to get off, to get out,
to get away, to leave, to never, to be done, to switch, to cancel, to get rid
"""
# Who goes nowhere else stays: "we would not stay anywhere else".
_WOULD_NOT: Final = """
would not, wouldn't, will not, won't
"""
_ELSEWHERE: Final = """
stay anywhere else, stay elsewhere, go anywhere else, eat anywhere else, shop anywhere else, fly anyone else, fly with
anyone else, use anything else, use anyone else, use any other, buy anything else, buy any other, buy from anyone else,
buy anywhere else, bank anywhere else
"""
# Thanks for such a thing is none: "thanks for losing my bag".
_NO_CAUSE_FOR_THANKS: Final = """
losing, ruining, wasting, cancelling, canceling, delaying, breaking, damaging, ignoring, leaving, making me, making
us, letting me down, letting us down, keeping me waiting, keeping us waiting, hanging up, stranding, screwing,
messing, destroying, the delay, the runaround, overcharging, stealing, lying
"""


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a comma-separated text; a line's end parts words only."""
    return tuple(text.strip().replace("\n", " ").split(", ")) if text else ()


TOO: Final = tuple(f"too {what}" for what in phrases(_TOO))
SOUR_THANKS: Final = tuple(
    f"{thanks} for {what}" for thanks in ("thanks", "thank you", "thx") for what in phrases(_NO_CAUSE_FOR_THANKS)
)
BETTER_THAN_EVER: Final = tuple(f"{none} {nicer}" for none in phrases(_NONE_SUCH) for nicer in phrases(_NICER))
LOOKED_FORWARD_TO: Final = tuple(f"{wait} {to}" for wait in phrases(_CANNOT_WAIT) for to in phrases(_LOOKED_FORWARD_TO))
HAD_ENOUGH: Final = tuple(f"{wait} {to}" for wait in phrases(_CANNOT_WAIT) for to in phrases(_HAD_ENOUGH))
LOYAL: Final = tuple(f"{would} {stay}" for would in phrases(_WOULD_NOT) for stay in phrases(_ELSEWHERE))
# With the blank before it: a colon in front of a bracket is no frown.
SMILES: Final = (":)", ":-)", "=)", " :d", ":-d", " ;)", ";-)", "<3")
FROWNS: Final = (" :(", ":-(", ":'(", " =(", ">:(")
